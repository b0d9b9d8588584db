import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Head } from '../response/head.js'
import type { Origin } from '../exchange/origin.js'

/** What `problemDetails` must know about its host. */
export interface HostTraits {
  /** Whether an error that nobody handles ends as finalhandler's page. */
  readonly pages?: boolean
}

/** The `Content-Security-Policy` of finalhandler's page. */
const POLICY = "default-src 'none'"

/**
 * The error that nobody handled, where this response is what the host made of it: finalhandler's page,
 * or a status that Node cannot write. Undefined for every other response.
 */
export function unhandledError(
  exchange: Exchange,
  head: Head,
  origin: Origin,
  { pages }: HostTraits,
): GatewayError | undefined {
  const { status = 500 } = head
  // polka uses the `code` of an error as the status: Node would throw, and nothing would catch it.
  const impossible = !(status >= 100 && status <= 999)
  if (!impossible && !(pages && isPage(head, origin))) return undefined
  return errorBehind(exchange, impossible ? undefined : status)
}

/** The error that was passed to the host, where its status fits; the page itself shows only the status. */
function errorBehind(exchange: Exchange, status: number | undefined): GatewayError {
  const { rejected } = exchange
  if (rejected && (status ?? rejected.status) === rejected.status) return rejected
  if (status !== undefined && status < 500) return new GatewayError('request_rejected', { status })
  if (exchange.calls.deciding !== undefined) return new GatewayError('upstream_error')
  return new GatewayError('gateway_error', status === undefined ? {} : { status })
}

/** Whether this is finalhandler's page, of our own host: an upstream may be written in Express too. */
function isPage(head: Head, origin: Origin): boolean {
  const { status = 500 } = head
  // serve-static has the same policy on its redirections.
  if (status < 400) return false
  if (head.header('content-security-policy') !== POLICY) return false
  if (!head.header('content-type')?.toLowerCase().startsWith('text/html')) return false
  return origin.by !== 'upstream' || origin.call.fields()['content-security-policy'] !== POLICY
}
