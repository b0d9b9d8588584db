/** What kind of thing was at fault: the values of the member `cause`. */
export type Cause =
  | 'overload'
  | 'network'
  | 'misconfiguration'
  | 'dns'
  | 'dependency'
  | 'rate_limit'
  | 'format'
  | 'client'
  | 'gateway'

/**
 * Whether the same request may be sent again: `safe` when nothing was processed, `idempotent` when
 * only a request whose method may be repeated may be, `never` when the request itself is at fault.
 */
export type Retry = 'safe' | 'idempotent' | 'never'

/** One row of the table of codes. */
export interface CodeRow {
  /** HTTP status of the answer. */
  readonly status: number
  /** Error token of `Proxy-Status` (RFC 9209, section 2.3). */
  readonly proxyError?: string
  readonly cause: Cause
  readonly retry: Retry
  /** Summary of the problem type, the same in every answer (RFC 9457, section 3.1.3). */
  readonly title: string
  /** Default `detail`; `{upstream}` becomes the quoted name of the upstream, or "The upstream". */
  readonly detail: string
  /** Whether it is about the upstream, so that the body names it and a fallback may be asked. */
  readonly about: 'upstream' | 'gateway' | 'client'
  /** Whether it can only happen after the upstream has answered: then the body shows its status. */
  readonly afterHead: boolean
  /** Whether the upstream works as it should all the same: the circuit does not count it as a failure. */
  readonly healthy: boolean
  /** Whether a circuit or a limit refused the call before it was sent; `Retry-After` is at least 1 then. */
  readonly waits: boolean
}

type Row = readonly [
  status: number,
  proxyError: string | undefined,
  cause: Cause,
  retry: Retry,
  title: string,
  detail: string,
  about: CodeRow['about'],
  more?: Partial<Pick<CodeRow, 'afterHead' | 'healthy' | 'waits'>>,
]

const AFTER_HEAD = { afterHead: true } as const
const HEALTHY = { healthy: true } as const
const HEALTHY_AFTER_HEAD = { afterHead: true, healthy: true } as const
const WAITS = { waits: true } as const

// prettier-ignore
const rows = {
  request_invalid: [400, 'http_request_error', 'format', 'never', 'Request does not match its schema', 'The request does not match the schema of this route.', 'client'],
  request_malformed: [400, 'http_request_error', 'format', 'never', 'Request is malformed', 'The request could not be parsed.', 'client'],
  request_unsupported: [400, 'http_request_error', 'format', 'never', 'Request cannot be translated', 'The request has a part that cannot be translated for {upstream}.', 'client'],
  request_rejected: [400, 'http_request_error', 'client', 'never', 'Request was rejected', 'The gateway rejected the request.', 'client'],
  route_not_found: [404, 'http_request_error', 'client', 'never', 'No such route', 'The gateway has no route for this path.', 'client'],
  method_not_allowed: [405, 'http_request_error', 'client', 'never', 'Method not allowed', 'This path does not support the method of the request; see the Allow header.', 'client'],
  request_timeout: [408, 'http_request_error', 'client', 'never', 'Request took too long to arrive', 'The body of the request did not arrive in time.', 'client'],
  content_too_large: [413, 'http_request_error', 'format', 'never', 'Request body is too large', 'The body of the request is larger than this route accepts.', 'client'],
  unsupported_media_type: [415, 'http_request_error', 'format', 'never', 'Media type is not supported', 'This route does not accept the Content-Type of the request; see the Accept header.', 'client'],
  unsupported_content_encoding: [415, 'http_request_error', 'format', 'never', 'Content encoding is not supported', 'This route does not accept the Content-Encoding of the request; see the Accept-Encoding header.', 'client'],
  client_closed_request: [499, undefined, 'client', 'never', 'Client closed the request', 'The client left before the response was complete.', 'client'],
  gateway_error: [500, 'proxy_internal_error', 'gateway', 'idempotent', 'Gateway failed', 'The gateway met an unexpected condition.', 'gateway'],
  gateway_misconfigured: [500, 'proxy_configuration_error', 'misconfiguration', 'idempotent', 'Gateway is misconfigured', 'The gateway is not configured correctly for this request.', 'gateway'],
  upstream_refused: [502, 'connection_refused', 'dependency', 'safe', 'Upstream refused the connection', '{upstream} is not accepting connections.', 'upstream'],
  upstream_unreachable: [502, 'destination_ip_unroutable', 'network', 'safe', 'Upstream is unreachable', 'The gateway has no network path to {upstream}.', 'upstream'],
  upstream_connection_lost: [502, 'connection_terminated', 'network', 'idempotent', 'Connection to the upstream was lost', '{upstream} closed the connection before it answered.', 'upstream'],
  upstream_dns_failed: [502, 'dns_error', 'dns', 'safe', 'Upstream name could not be resolved', 'The address of {upstream} could not be resolved.', 'upstream'],
  upstream_dns_timeout: [504, 'dns_timeout', 'dns', 'safe', 'Upstream name lookup timed out', 'The address of {upstream} was not resolved in time.', 'upstream'],
  upstream_tls_certificate: [502, 'tls_certificate_error', 'misconfiguration', 'idempotent', 'Upstream certificate is not valid', 'The TLS certificate of {upstream} could not be verified.', 'upstream'],
  upstream_tls_failed: [502, 'tls_protocol_error', 'misconfiguration', 'idempotent', 'TLS with the upstream failed', 'No TLS connection to {upstream} could be established.', 'upstream'],
  upstream_protocol_error: [502, 'http_protocol_error', 'format', 'idempotent', 'Upstream broke the HTTP protocol', '{upstream} sent something that is not valid HTTP.', 'upstream'],
  upstream_headers_too_large: [502, 'http_response_header_section_size', 'format', 'idempotent', 'Upstream headers are too large', '{upstream} sent a larger header section than the gateway accepts.', 'upstream'],
  upstream_response_incomplete: [502, 'http_response_incomplete', 'network', 'idempotent', 'Upstream response is incomplete', '{upstream} closed the connection before its response was complete.', 'upstream', AFTER_HEAD],
  upstream_response_invalid: [502, 'http_protocol_error', 'format', 'idempotent', 'Upstream response is invalid', '{upstream} sent a response that does not match the schema of this route.', 'upstream', HEALTHY_AFTER_HEAD],
  upstream_response_too_large: [502, 'http_response_body_size', 'format', 'idempotent', 'Upstream response is too large', '{upstream} sent a larger response than the gateway accepts.', 'upstream', HEALTHY_AFTER_HEAD],
  upstream_encoding_invalid: [502, 'http_response_content_coding', 'format', 'idempotent', 'Upstream content encoding is invalid', '{upstream} sent a response that could not be decoded.', 'upstream', AFTER_HEAD],
  upstream_upgrade_failed: [502, 'http_upgrade_failed', 'format', 'idempotent', 'Upstream refused the upgrade', '{upstream} did not switch protocols.', 'upstream', HEALTHY],
  upstream_error: [502, undefined, 'dependency', 'idempotent', 'Upstream failed', '{upstream} failed.', 'upstream', AFTER_HEAD],
  upstream_rate_limited: [429, undefined, 'rate_limit', 'safe', 'Upstream limits the rate of requests', '{upstream} accepts no more requests for now.', 'upstream', HEALTHY],
  upstream_overloaded: [503, 'connection_limit_reached', 'overload', 'safe', 'Upstream is overloaded', '{upstream} is overloaded.', 'upstream'],
  loop_detected: [502, 'proxy_loop_detected', 'misconfiguration', 'idempotent', 'Request loops', 'The request came back to the gateway that had forwarded it.', 'gateway'],
  circuit_open: [503, 'destination_unavailable', 'dependency', 'safe', 'Circuit is open', '{upstream} has been failing; the gateway does not call it for now.', 'upstream', WAITS],
  concurrency_limit: [503, 'connection_limit_reached', 'overload', 'safe', 'Too many concurrent requests', 'The gateway already has as many requests to {upstream} under way as it allows.', 'upstream', WAITS],
  gateway_overloaded: [503, 'proxy_internal_error', 'overload', 'safe', 'Gateway is overloaded', 'The gateway has no resources left for this request.', 'gateway'],
  gateway_shutting_down: [503, 'proxy_internal_error', 'gateway', 'idempotent', 'Gateway is shutting down', 'The gateway is shutting down.', 'gateway'],
  upstream_connect_timeout: [504, 'connection_timeout', 'network', 'safe', 'Connecting to the upstream timed out', 'No connection to {upstream} was established in time.', 'upstream'],
  upstream_timeout: [504, 'http_response_timeout', 'overload', 'idempotent', 'Upstream did not answer in time', '{upstream} did not answer in time.', 'upstream'],
  upstream_idle_timeout: [504, 'connection_read_timeout', 'overload', 'idempotent', 'Upstream stopped sending', '{upstream} stopped sending before its response was complete.', 'upstream', AFTER_HEAD],
} as const satisfies Record<string, Row>

/** A machine-readable reason: the member `code` of a standard body. */
export type Code = keyof typeof rows

const named = ([status, proxyError, cause, retry, title, detail, about, more]: Row): CodeRow => ({
  status,
  ...(proxyError !== undefined && { proxyError }),
  cause,
  retry,
  title,
  detail,
  about,
  afterHead: false,
  healthy: false,
  waits: false,
  ...more,
})

/** The closed set of codes, with everything that is the same for all answers of a code. */
export const codes = Object.fromEntries(
  Object.entries(rows).map(([code, row]) => [code, named(row)]),
) as Readonly<Record<Code, CodeRow>>
