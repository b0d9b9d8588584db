import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Head } from '../response/head.js'
import type { Origin } from '../exchange/origin.js'

/** What `problemDetails` must know of its host. */
export interface HostTraits {
  /** Whether an error that nobody handles ends as finalhandler's page. */
  readonly pages?: boolean
}

/** The policy that finalhandler puts on its page. */
const POLICY = "default-src 'none'"

/**
 * The error behind a response that only stands for an error which nobody has handled; undefined
 * when the response is anything else.
 */
export function unhandledError(
  exchange: Exchange,
  head: Head,
  origin: Origin,
  { pages }: HostTraits,
): GatewayError | undefined {
  const { status = 500 } = head
  // polka takes the code of an error for a status, and Node would throw where nobody catches it.
  const impossible = !(status >= 100 && status <= 999)
  if (!impossible && !(pages && isPage(head, origin))) return undefined
  return errorBehind(exchange, impossible ? undefined : status)
}

/** The page shows no more of an error than its status. */
function errorBehind(exchange: Exchange, status: number | undefined): GatewayError {
  const { rejected } = exchange
  if (rejected && (status ?? rejected.status) === rejected.status) return rejected
  if (status !== undefined && status < 500) return new GatewayError('request_rejected', { status })
  if (exchange.calls.last !== undefined) return new GatewayError('upstream_error')
  return new GatewayError('gateway_error', status === undefined ? {} : { status })
}

/** Connect's and Express's own page: but an upstream may be written in Express too. */
function isPage(head: Head, origin: Origin): boolean {
  const { status = 500 } = head
  // serve-static puts the same policy on its redirections.
  if (status < 400) return false
  if (head.header('content-security-policy') !== POLICY) return false
  if (!head.header('content-type')?.toLowerCase().startsWith('text/html')) return false
  return origin.by !== 'upstream' || origin.call.fields()['content-security-policy'] !== POLICY
}
