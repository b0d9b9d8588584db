import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Sending } from './dispatching.js'
import { HOP_BY_HOP } from './hop-by-hop.js'
import type { Settings } from './options.js'
import type { Target } from './mounted.js'
import type { RequestBody } from './request-body.js'
import { requestFields } from './request-fields.js'
import type { Upgrading } from './switched.js'
import type { Changer, Edited } from './target-transform.js'
import { originForm } from './target.js'

/** What of a request is sent beside its head. */
export interface Sent {
  readonly body: RequestBody
  /** The connection, where the client wants another protocol. */
  readonly upgrading?: Upgrading
}

/**
 * What a target is sent for a request.
 *
 * @throws {GatewayError} `request_malformed`, or `gateway_misconfigured` for what a callback gave.
 */
export function sendingTo(
  target: Target,
  exchange: Exchange,
  settings: Settings,
  sent: Sent,
): Sending {
  const { body } = sent
  const path = pathOf(exchange, settings.rewrite)
  const headers = requestFields(exchange.req, exchange.url, target.rules)
  if (body.length !== undefined) headers.push('Content-Length', String(body.length))
  const method = exchange.req.method ?? 'GET'
  return sendingOf(target, exchange, sent, { method, path, headers, body: body.next() })
}

/** The same, once the transform of the target has changed it. */
export async function changedSending(
  changer: Changer,
  target: Target,
  exchange: Exchange,
  { settings, sent }: { readonly settings: Settings; readonly sent: Sent },
): Promise<Sending> {
  const { req, params, url } = exchange
  const given = {
    method: req.method ?? 'GET',
    path: pathOf(exchange, settings.rewrite),
    params,
    headers: req.headers,
    bytes: sent.body.bytes ?? NONE,
  }
  const edited = (await changer.request(given)) ?? UNCHANGED
  const { method = given.method, path = given.path, body = given.bytes } = edited
  const headers = applied(requestFields(req, url, target.rules), edited, target)
  if (body.length > 0 || req.headers['content-length'] !== undefined)
    headers.push('Content-Length', String(body.length))
  return sendingOf(target, exchange, sent, {
    method,
    path,
    headers,
    body: body.length === 0 ? null : body,
  })
}

const UNCHANGED: Edited = { fields: [] }
const NONE = Buffer.alloc(0)

/** Fields that a transform has no say in: the framing, and what the target sets for itself. */
function applied(fields: string[], { fields: edits }: Edited, { rules }: Target): string[] {
  let kept = fields
  for (const [name, value] of edits) {
    const lower = name.toLowerCase()
    if (lower === 'content-length' || HOP_BY_HOP.has(lower) || rules.changes.has(lower)) continue
    kept = kept.filter((_, at) => kept[at - (at % 2)]?.toLowerCase() !== lower)
    if (value !== null) kept.push(name, value)
  }
  return kept
}

function sendingOf(
  target: Target,
  exchange: Exchange,
  { upgrading }: Sent,
  sending: Pick<Sending, 'method' | 'path' | 'headers' | 'body'>,
): Sending {
  const { origin, base, servername } = target.placeOf(exchange)
  return {
    origin,
    ...sending,
    path: base + sending.path,
    ...(servername !== undefined && { servername }),
    ...(upgrading && { upgrade: exchange.req.headers.upgrade ?? '' }),
  }
}

function pathOf(exchange: Exchange, rewrite: Settings['rewrite']): string {
  const path = originForm(exchange.req.url ?? '/')
  if (rewrite === undefined) return path
  const given: unknown = ask('rewrite of forward', rewrite, path, exchange)
  if (typeof given === 'string' && given.startsWith('/')) return given
  throw new GatewayError('gateway_misconfigured', {
    cause: new TypeError('forward: the function "rewrite" must give a path that begins with "/"'),
  })
}
