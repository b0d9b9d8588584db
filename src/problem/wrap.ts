import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Head } from '../response/head.js'
import type { Call } from '../exchange/calls.js'
import { upstreamError } from '../exchange/explain.js'
import { STAYS } from '../exchange/upstream-fields.js'
import { meaningOfStatus } from '../failures/table.js'
import { explainAmazon } from './amazon.js'
import { linesOf } from './fields.js'
import type { Writer } from './writer.js'

/** Milliseconds in which the rest of a body is read, so that its connection can be reused. */
const GRACE = 1000

/** Whether an upstream's answer is an error that is not a problem (RFC 9457) already. */
export function isWrapped(head: Head, which: 'wrap' | 'wrap-foreign'): boolean {
  const { status = 0 } = head
  if (status < 500 && status !== 429) return false
  const type = head.header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
  return which === 'wrap' ? type !== 'application/problem+json' : !/[/+]json$/.test(type)
}

/** Replaces the body of an upstream's answer by the standard body. */
export function wrap(exchange: Exchange, call: Call, writer: Writer): void {
  keepFields(exchange, call)
  writer.fail(exchange, wrapped(exchange, call))
  exchange.follow({ closesAt: 'calls', closed: () => discard(call) })
}

function wrapped(exchange: Exchange, call: Call): GatewayError {
  const { status = 502 } = call
  const fields = call.fields()
  const retryAfter = fields['retry-after']
  const cause = explainAmazon(status, fields)
  const { code } = meaningOfStatus(status)
  return upstreamError(exchange, code, {
    // Where only `intercept` says that it is an error, its status is not one.
    ...(status >= 400 && { status }),
    ...(cause && { cause }),
    ...(retryAfter !== undefined && { headers: { 'Retry-After': retryAfter } }),
    proxyStatus: { error: undefined, 'received-status': status },
    retry: status < 429 ? 'never' : 'idempotent',
  })
}

/**
 * Removes the upstream's other fields, which some proxies have set on the response, and sets the kept
 * ones, which other proxies pass to `writeHead`.
 */
function keepFields({ res }: Exchange, call: Call): void {
  for (const [name, value] of Object.entries(call.fields())) {
    if (!STAYS.test(name)) res.removeHeader(name)
    else if (value !== undefined && linesOf(res, name).length === 0) res.setHeader(name, value)
  }
}

/**
 * Reads the rest of the upstream's body, which a pipe stops reading when our response ends, and aborts
 * it after a second.
 */
function discard(call: Call): void {
  if (call.state !== 'open') return
  setImmediate(() => call.drain())
  setTimeout(() => call.abort(new GatewayError('client_closed_request')), GRACE).unref()
}
