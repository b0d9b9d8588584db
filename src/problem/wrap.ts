import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Head } from '../response/gate.js'
import { type Call, dropCall, failure } from '../exchange/call.js'
import { meaningOfStatus } from '../failures/table.js'
import { linesOf } from './fields.js'
import type { Writer } from './writer.js'

/** Milliseconds in which the rest of a body is read, so that its connection can be reused. */
const GRACE = 1000

/** The fields of an upstream's head that stay true when its body is replaced. */
const KEPT =
  /^(?:proxy-status|vary|access-control-[a-z-]+|[a-z-]*rate-?limit(?:-[a-z-]+)?|retry-after|strict-transport-security)$/

/** Whether an upstream's answer is an error that is not a problem (RFC 9457) already. */
export function isWrapped({ status = 0, header }: Head): boolean {
  if (status < 500 && status !== 429) return false
  const type = header('content-type')?.split(';')[0]?.trim().toLowerCase()
  return type !== 'application/problem+json'
}

/** Replaces the body of an upstream's answer by the standard body. */
export function wrap(exchange: Exchange, call: Call, writer: Writer): void {
  keepFields(exchange, call)
  writer.answer(exchange, wrapped(exchange, call))
  exchange.closers.push(() => discard(call))
}

function wrapped(exchange: Exchange, { status = 502, fields }: Call): GatewayError {
  const retryAfter = fields()['retry-after']
  const { code } = meaningOfStatus(status)
  return failure(exchange, code, {
    // Where only `intercept` says that it is an error, its status is not one.
    ...(status >= 400 && { status }),
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
    if (!KEPT.test(name)) res.removeHeader(name)
    else if (value !== undefined && linesOf(res, name).length === 0) res.setHeader(name, value)
  }
}

/**
 * Reads the rest of the upstream's body, which a pipe stops reading when our response ends, and aborts
 * it after a second.
 */
function discard(call: Call): void {
  if (call.state !== 'open') return
  setImmediate(() => call.transport.drain())
  setTimeout(dropCall, GRACE, call, new GatewayError('client_closed_request')).unref()
}
