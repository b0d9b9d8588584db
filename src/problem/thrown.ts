import { type Code, codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { clientLeft } from '../response/client.js'
import { explain, upstreamError } from '../exchange/calls.js'
import { isObject, read, text } from '../failures/rule.js'

/**
 * What an error that reached us means for this request.
 *
 * What the observer saw is worth more than what a library made of it: a failed call explains any
 * error but our own and those that the application meant for the client.
 */
export function gatewayErrorOf(error: unknown, exchange: Exchange): GatewayError {
  if (GatewayError.is(error)) return answerable(error, exchange)
  if (clientLeft(exchange.response))
    return new GatewayError('client_closed_request', { cause: error })
  const { last } = exchange.calls
  const meant = httpErrorOf(error, last !== undefined)
  if (meant && meant.status < 500) return meant
  const failure = last?.currentFailure
  if (failure) return failure
  if (meant) return meant
  const known = explain(error, exchange)
  if (known && !ofTheApplication(known, last !== undefined)) return known
  return new GatewayError(last ? 'upstream_error' : 'gateway_error', { cause: error })
}

/** A call that the application has aborted itself, while the client is there, is lost patience. */
function answerable(error: GatewayError, exchange: Exchange): GatewayError {
  const { code, cause } = error
  const ownAbort =
    code === 'client_closed_request' && cause !== undefined && !clientLeft(exchange.response)
  return ownAbort ? upstreamError(exchange, 'upstream_timeout', { cause }) : error
}

/** A TypeError is a defect of ours wherever it is thrown; what no upstream sent, none has sent wrong. */
const ofTheApplication = ({ code }: GatewayError, afterCall: boolean): boolean =>
  code === 'gateway_error' || (code === 'upstream_response_invalid' && !afterCall)

/**
 * The http-errors contract, which Koa, Express and body-parser speak.
 *
 * Libraries put the status of an upstream's response on their errors too (axios does): after a call
 * only `expose` tells an error that was made for the client.
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

/** Several values of a field are a list in one (RFC 9110, section 5.3); cookies cannot be joined. */
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
 * What the host gets to log. Koa writes on an error and reads all of it, so one that cannot bear that
 * is represented by ours.
 */
export function forHost(thrown: unknown, error: GatewayError): unknown {
  try {
    const bears =
      thrown instanceof Error && Object.isExtensible(thrown) && typeof thrown.stack === 'string'
    return bears || !isObject(thrown) ? thrown : error
  } catch {
    return error
  }
}
