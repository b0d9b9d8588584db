import { type Parameters, parseList, Token } from 'structured-headers'
import { type Code, codes } from '../errors/codes.js'
import { oneLine } from './words.js'

/** The member of `Proxy-Status` that tells of a failure (RFC 9209). */
export interface ProxyFailure {
  /** Name of the proxy that tells it. */
  readonly proxy: string
  readonly error: string
  /** What that is in our words. */
  readonly code: Code | undefined
}

/** Tokens that several of our codes have, or none. */
const MEANINGS: Readonly<Record<string, Code>> = {
  http_request_error: 'request_rejected',
  http_request_denied: 'request_rejected',
  connection_limit_reached: 'concurrency_limit',
  http_protocol_error: 'upstream_protocol_error',
  proxy_internal_error: 'gateway_error',
  proxy_internal_response: 'gateway_error',
  destination_not_found: 'gateway_misconfigured',
  destination_ip_prohibited: 'upstream_unreachable',
  connection_write_timeout: 'upstream_timeout',
  tls_alert_received: 'upstream_tls_failed',
  http_response_transfer_coding: 'upstream_protocol_error',
  http_response_header_size: 'upstream_headers_too_large',
  http_response_trailer_section_size: 'upstream_headers_too_large',
  http_response_trailer_size: 'upstream_headers_too_large',
}

const OWN = new Map(
  Object.entries(codes).flatMap(([code, { proxyError }]) =>
    proxyError === undefined ? [] : [[proxyError, code as Code] as const],
  ),
)

/** The failure that is told closest to the origin; undefined where there is none, or no valid list. */
export function proxyFailure(lines: readonly string[]): ProxyFailure | undefined {
  for (const [item, parameters] of listIn(lines)) {
    const error = parameters.get('error')
    if (!(error instanceof Token) && typeof error !== 'string') continue
    const name = oneLine(error.toString())
    return { proxy: oneLine(String(item)), error: name, code: MEANINGS[name] ?? OWN.get(name) }
  }
  return undefined
}

/** The name of the proxy that has spoken last. */
export function lastProxy(lines: readonly string[]): string | undefined {
  const [item] = listIn(lines).at(-1) ?? []
  return item === undefined ? undefined : oneLine(String(item))
}

function listIn(lines: readonly string[]): [unknown, Parameters][] {
  try {
    return parseList(lines.join(', ')).map(([item, parameters]) => [item, parameters])
  } catch {
    return []
  }
}
