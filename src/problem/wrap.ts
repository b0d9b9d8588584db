import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Head } from '../response/head.js'
import { type Call, upstreamError } from '../exchange/calls.js'
import { meaningOfStatus } from '../failures/table.js'
import { linesOf } from './fields.js'
import type { Writer } from './writer.js'

/** Milliseconds that the rest of a body may take, so that its connection can be used again. */
const GRACE = 1000

/** What of an upstream's head still holds when its body is replaced. */
const KEPT =
  /^(?:proxy-status|vary|access-control-[a-z-]+|[a-z-]*rate-?limit(?:-[a-z-]+)?|retry-after|strict-transport-security)$/

/** Whether an upstream's own answer is an error to wrap; a problem is one already. */
export function isWrapped(head: Head): boolean {
  const { status = 0 } = head
  if (status < 500 && status !== 429) return false
  const type = head.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  return type !== 'application/problem+json'
}

/** Puts the standard body in place of an upstream's own answer. */
export function wrap(exchange: Exchange, call: Call, writer: Writer): void {
  keepFields(exchange, call)
  writer.fail(exchange, wrapped(exchange, call))
  exchange.follow({ closesAt: 'calls', closed: () => discard(call) })
}

function wrapped(exchange: Exchange, call: Call): GatewayError {
  const { status = 502 } = call
  const retryAfter = call.fields()['retry-after']
  const { code } = meaningOfStatus(status)
  return upstreamError(exchange, code, {
    // A response that only `intercept` took for an error has no status for one.
    ...(status >= 400 && { status }),
    ...(retryAfter !== undefined && { headers: { 'Retry-After': retryAfter } }),
    proxyStatus: { error: undefined, 'received-status': status },
    retry: status < 429 ? 'never' : 'idempotent',
  })
}

/** Some proxies have put the upstream's fields on the response, others hand them to `writeHead`. */
function keepFields({ res }: Exchange, call: Call): void {
  for (const [name, value] of Object.entries(call.fields())) {
    if (!KEPT.test(name)) res.removeHeader(name)
    else if (value !== undefined && linesOf(res, name).length === 0) res.setHeader(name, value)
  }
}

/** A pipe lets go of the upstream's response when ours is done; a long or endless body ends here. */
function discard(call: Call): void {
  if (call.state !== 'open') return
  setImmediate(() => call.drain())
  setTimeout(() => call.abort(new GatewayError('client_closed_request')), GRACE).unref()
}
