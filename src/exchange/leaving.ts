import { isFull } from '../content/framing.js'
import { GatewayError } from '../errors/gateway-error.js'
import { serverTimedOut } from '../response/client.js'
import { upstreamError } from './explain.js'
import type { Exchange } from './exchange.js'

/** Milliseconds by which a timer of Node's may be early. */
const PRECISION = 5

/**
 * Why a request ended before its answer was out: its client has left, or a timeout of the server's own
 * has ended the connection. That one is nobody's abort: it tells of what was waited for.
 */
export function reasonOfLeaving(exchange: Exchange): GatewayError {
  const waited = serverTimedOut(exchange.response)
  if (waited === 'request') return new GatewayError('request_timeout')
  const code = waited && codeOfWait(exchange)
  return code ? upstreamError(exchange, code) : new GatewayError('client_closed_request')
}

/** Undefined where it was not the upstream that was waited for, or not for so long. */
function codeOfWait({
  res,
  response,
  calls,
}: Exchange): 'upstream_timeout' | 'upstream_idle_timeout' | undefined {
  const call = calls.relay ?? calls.deciding
  const time = response.socket?.timeout ?? 0
  if (call === undefined || performance.now() - call.startedAt < time - PRECISION) return undefined
  if (!res.headersSent) return 'upstream_timeout'
  return isFull(res) ? undefined : 'upstream_idle_timeout'
}
