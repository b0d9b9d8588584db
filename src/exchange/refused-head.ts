import { GatewayError } from '../errors/gateway-error.js'
import { text } from '../failures/rule.js'
import type { Calls } from './calls.js'
import { upstreamError } from './explain.js'

/** What Node throws for a head that it refuses to write. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
])

/** Beyond plain text: libraries decode fields as UTF-8, which Node does not write. */
const UNUSUAL = /[^\t\x20-\x7e]/

/** Whose fault it is that Node refuses a head: that of the upstream where it has sent this field. */
export function refusedHead(
  { relay, deciding }: Calls,
  cause: unknown,
  upstream: string | undefined,
): GatewayError | undefined {
  if (!REFUSALS.has(text(cause, 'code'))) return undefined
  const name = /\["(.*)"\]$/.exec(text(cause, 'message'))?.[1]?.toLowerCase()
  const value = name === undefined ? undefined : (relay ?? deciding)?.fields()[name]
  return UNUSUAL.test(String(value ?? ''))
    ? upstreamError({ upstream }, 'upstream_protocol_error', { cause })
    : new GatewayError('gateway_misconfigured', { cause })
}
