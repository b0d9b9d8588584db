import { type Code, codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { clientLeft } from '../response/client.js'
import { explain, upstreamError } from '../exchange/explain.js'
import { isObject, read, text } from '../failures/rule.js'

/**
 * What an error that was thrown through the gateway means for this request.
 *
 * A failed call of this request is the reason for every error but two kinds: a `GatewayError`, and an
 * http-error below 500, which the application made for the client. The observer has seen the call
 * itself; the thrown error is only what a library made of it.
 */
export function gatewayErrorOf(error: unknown, exchange: Exchange): GatewayError {
  const { rejected } = exchange
  // A head of the application's own that Node has refused.
  if (rejected?.cause === error && rejected?.code === 'gateway_misconfigured') return rejected
  return meaningOf(error, exchange)
}

function meaningOf(error: unknown, exchange: Exchange): GatewayError {
  if (GatewayError.is(error)) return answerable(error, exchange)
  if (clientLeft(exchange.response))
    return new GatewayError('client_closed_request', { cause: error })
  const { deciding } = exchange.calls
  const known = explain(error, exchange)
  // Body parsers blame the client for what somebody has read before them.
  const isSetting = known?.code === 'gateway_misconfigured'
  const meant = isSetting ? undefined : httpErrorOf(error, deciding !== undefined)
  if (meant && meant.status < 500) return meant
  return (
    deciding?.currentFailure ??
    meant ??
    ofUpstream(known, exchange) ??
    new GatewayError(deciding ? 'upstream_error' : 'gateway_error', { cause: error })
  )
}

/** A call that the application aborted while the client was connected counts as a timeout. */
function answerable(error: GatewayError, exchange: Exchange): GatewayError {
  const { code, cause } = error
  const ownAbort =
    code === 'client_closed_request' && cause !== undefined && !clientLeft(exchange.response)
  return ownAbort ? upstreamError(exchange, 'upstream_timeout', { cause }) : error
}

/**
 * What is known of an error, unless the application is at fault: for a TypeError and the like always,
 * and for JSON that is not valid when no call was made, since then no upstream has sent it.
 */
function ofUpstream(
  known: GatewayError | undefined,
  { calls }: Exchange,
): GatewayError | undefined {
  const isDefect =
    known?.code === 'gateway_error' ||
    (known?.code === 'upstream_response_invalid' && calls.deciding === undefined)
  return isDefect ? undefined : known
}

/**
 * An error in the form of http-errors, which Koa, Express and body-parser throw; undefined for others.
 *
 * Libraries such as axios put the status of an upstream's response on their errors too. So after a
 * call, only an error with `expose` was made for the client.
 */
function httpErrorOf(error: unknown, afterCall: boolean): GatewayError | undefined {
  const status = read(error, 'status') ?? read(error, 'statusCode')
  const own = typeof status === 'string' ? Number(status) : status
  if (!isErrorStatus(own)) return undefined
  const expose = read(error, 'expose')
  if (afterCall && typeof expose !== 'boolean') return undefined
  const code: Code = own < 500 ? 'request_rejected' : 'gateway_error'
  return new GatewayError(code, {
    status: own,
    cause: error,
    headers: fieldsOf(read(error, 'headers')),
    detail: (expose === true && text(error, 'message')) || codes[code].detail,
  })
}

const isErrorStatus = (status: unknown): status is number =>
  Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599

/** The header fields of an error. Several values are joined (RFC 9110, section 5.3), but not cookies. */
function fieldsOf(headers: unknown): Record<string, string> {
  const fields = namesOf(headers).flatMap((name) => {
    const value = read(headers, name)
    const values: unknown[] = Array.isArray(value) ? value : [value]
    const plain = values.every((each) => ['string', 'number'].includes(typeof each))
    const joinable = values.length === 1 || name.toLowerCase() !== 'set-cookie'
    return plain && joinable ? [[name, values.join(', ')] as const] : []
  })
  return Object.fromEntries(fields)
}

function namesOf(headers: unknown): string[] {
  try {
    return typeof headers === 'object' && headers !== null ? Object.keys(headers) : []
  } catch {
    return []
  }
}

/**
 * The error that the host logs. Koa writes properties on an error and reads its stack: where that
 * would throw, the host gets our `GatewayError` instead.
 */
export function forHost(thrown: unknown, error: GatewayError): unknown {
  try {
    const isUsable =
      thrown instanceof Error && Object.isExtensible(thrown) && typeof thrown.stack === 'string'
    return isUsable || !isObject(thrown) ? thrown : error
  } catch {
    return error
  }
}
