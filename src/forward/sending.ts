import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { FieldEdit } from '../response/head.js'
import type { Edits } from '../transform/change.js'
import type { Sending } from './dispatching.js'
import type { Settings } from './options.js'
import type { Target } from './mounted.js'
import type { RequestBody } from './request-body.js'
import { type FieldChanges, requestFields } from './request-fields.js'
import type { Upgrading } from './switched.js'
import { originForm } from './target.js'

/** What of a request is sent beside its head. */
export interface Sent {
  readonly body: RequestBody
  /** The connection, where the client wants another protocol. */
  readonly upgrading?: Upgrading
  /** What the transform of the target changes. */
  readonly edits?: Edits | undefined
}

/**
 * What a target is sent for a request.
 *
 * @throws {GatewayError} `request_malformed`, or `gateway_misconfigured` for what a callback gave.
 */
export function sendingTo(
  { placeOf, rules }: Target,
  exchange: Exchange,
  { rewrite }: Settings,
  { body, upgrading, edits }: Sent,
): Sending {
  const { req, url } = exchange
  const { origin, base, servername } = placeOf(exchange)
  const headers = requestFields(req, url, rules)
  if (edits) editFields(headers, edits.fields, rules.changes)
  const { method = req.method ?? 'GET', path, body: changed } = edits ?? {}
  const length = changed === undefined ? body.length : changed.length
  if (length !== undefined) headers.push('Content-Length', String(length))
  return {
    origin,
    method,
    path: base + (path ?? pathOf(exchange, rewrite)),
    headers,
    body: changed ?? body.next(),
    ...(servername !== undefined && { servername }),
    ...(upgrading && { upgrade: req.headers.upgrade ?? '' }),
  }
}

/** Changes fields as a transform says. Those of the target stand above it, such as its credentials. */
function editFields(fields: string[], edits: readonly FieldEdit[], ofTarget: FieldChanges): void {
  for (const [name, value] of edits) {
    const lower = name.toLowerCase()
    if (ofTarget.has(lower) || FRAMING.has(lower)) continue
    for (let at = fields.length - 2; at >= 0; at -= 2)
      if (fields[at]?.toLowerCase() === lower) fields.splice(at, 2)
    if (value !== null) fields.push(name, value)
  }
}

/** Made anew for what is sent. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'trailer'])

/**
 * The path and query of a request for an upstream.
 *
 * @throws {GatewayError} `request_malformed`, or `gateway_misconfigured` for what `rewrite` gave.
 */
export function pathOf(exchange: Exchange, rewrite: Settings['rewrite']): string {
  const path = originForm(exchange.req.url ?? '/')
  if (rewrite === undefined) return path
  const given: unknown = ask('rewrite of forward', rewrite, path, exchange)
  if (typeof given === 'string' && given.startsWith('/')) return given
  throw new GatewayError('gateway_misconfigured', {
    cause: new TypeError('forward: the function "rewrite" must give a path that begins with "/"'),
  })
}
