import { type Code, codes } from '../errors/codes.js'
import { GatewayError, type GatewayErrorOptions } from '../errors/gateway-error.js'
import { classify } from '../failures/classify.js'

/** What an upstream may be called by. */
type Named = { readonly upstream: string | undefined } | undefined

/** What a low-level error means, when it is a known one. */
export function explain(error: unknown, named: Named): GatewayError | undefined {
  if (GatewayError.is(error)) return error
  const { counts: _, code, ...options } = classify(error) ?? { counts: false }
  if (code === undefined) return undefined
  // The breakers of others do not tell how long they are open.
  const wait = codes[code].waits && { retryAfter: 1 }
  return upstreamError(named, code, { ...options, ...wait, cause: error })
}

/** An error that names the upstream of the request. */
export function upstreamError(
  named: Named,
  code: Code,
  options: GatewayErrorOptions = {},
): GatewayError {
  const upstream = named?.upstream
  return new GatewayError(code, { ...options, ...(upstream !== undefined && { upstream }) })
}

/** Proxies drop the field with the connection (RFC 9112, section 6.1), and pass on bytes that nobody can read. */
export function unknownCoding(named: Named, coding: string): GatewayError {
  return upstreamError(named, 'upstream_protocol_error', {
    cause: new Error(`The upstream sent the transfer coding ${coding}.`),
    proxyStatus: { error: 'http_response_transfer_coding', coding },
  })
}
