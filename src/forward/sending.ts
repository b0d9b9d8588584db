import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Sending } from './dispatching.js'
import type { Settings } from './options.js'
import type { Target } from './mounted.js'
import type { RequestBody } from './request-body.js'
import { requestFields } from './request-fields.js'
import type { Upgrading } from './switched.js'
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
  { placeOf, rules }: Target,
  exchange: Exchange,
  { rewrite }: Settings,
  { body, upgrading }: Sent,
): Sending {
  const { req, url } = exchange
  const { origin, base, servername } = placeOf(exchange)
  const headers = requestFields(req, url, rules)
  if (body.length !== undefined) headers.push('Content-Length', String(body.length))
  return {
    origin,
    method: req.method ?? 'GET',
    path: base + pathOf(exchange, rewrite),
    headers,
    body: body.next(),
    ...(servername !== undefined && { servername }),
    ...(upgrading && { upgrade: req.headers.upgrade ?? '' }),
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
