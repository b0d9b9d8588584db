import { type Code, codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { clientLeft, type Exchange } from '../exchange/exchange.js'
import { explain } from '../upstream/call.js'
import { currentFailure } from '../upstream/evidence.js'
import { callsOf } from '../upstream/store.js'

/**
 * What an error that reached us means for this request.
 *
 * What the observer saw is worth more than what a library made of it: a failed call explains any
 * error but our own and those that the application meant for the client.
 */
export function gatewayErrorOf(error: unknown, exchange: Exchange): GatewayError {
  if (GatewayError.is(error)) return error
  if (clientLeft(exchange)) return new GatewayError('client_closed_request', { cause: error })
  const { last } = callsOf(exchange)
  const meant = httpErrorOf(error, last !== undefined)
  if (meant && meant.status < 500) return meant
  const failure = last && currentFailure(last)
  if (failure) return failure
  if (meant) return meant
  const known = explain(error, exchange)
  if (known && !ofTheApplication(known, last !== undefined)) return known
  return new GatewayError(last ? 'upstream_error' : 'gateway_error', { cause: error })
}

/** A TypeError is a defect of ours wherever it is thrown; what no upstream sent, none has sent wrong. */
const ofTheApplication = ({ code }: GatewayError, afterCall: boolean): boolean =>
  code === 'gateway_error' || (code === 'upstream_response_invalid' && !afterCall)

/** The http-errors contract, which Koa, Express and body-parser speak. */
interface HttpErrorLike {
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly expose?: unknown
  readonly headers?: unknown
  readonly message?: unknown
}

/**
 * Libraries put the status of an upstream's response on their errors too (axios does): after a call
 * only `expose` tells an error that was made for the client.
 */
function httpErrorOf(error: unknown, afterCall: boolean): GatewayError | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { status, statusCode, expose, headers, message } = error as HttpErrorLike
  const own = Number(status ?? statusCode)
  if (!Number.isInteger(own) || own < 400 || own > 599) return undefined
  if (afterCall && typeof expose !== 'boolean') return undefined
  const code: Code = own < 500 ? 'request_rejected' : 'gateway_error'
  return new GatewayError(code, {
    status: own,
    cause: error,
    headers: fieldsOf(headers),
    detail: expose === true && typeof message === 'string' ? message : codes[code].detail,
  })
}

/** Several values of a field are a list in one (RFC 9110, section 5.3); cookies cannot be joined. */
function fieldsOf(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {}
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]: [string, unknown]) => {
      const values: unknown[] = Array.isArray(value) ? value : [value]
      const plain = values.every((each) => ['string', 'number'].includes(typeof each))
      const joinable = values.length === 1 || name.toLowerCase() !== 'set-cookie'
      return plain && joinable ? [[name, values.join(', ')]] : []
    }),
  )
}
