import type { Code } from '../errors/codes.js'
import type { ErrorBody } from './error-body.js'

/** An answer as the marks see it. */
export interface Seen {
  readonly status: number
  /** The value of a field; empty when it is not there. */
  field(name: string): string
  /** The beginning of the body. */
  readonly text: string
  readonly error: ErrorBody | undefined
}

/** What an answer means, where its writer tells more than the status. */
export interface Meaning {
  readonly code: Code
  readonly text: string
  readonly fix?: string
  /** False where a repetition cannot help, whatever the code says. */
  readonly retryable?: false
}

/** How to tell a product by its answers. */
export interface Mark {
  readonly name: string
  /** Whether it only passes on what others answer, but for its own failures. */
  readonly role: 'gateway' | 'origin'
  /** Whether the answer came through it. */
  passed(seen: Seen): boolean
  /** Whether it has written the answer itself. */
  wrote(seen: Seen): boolean
  means?(seen: Seen): Meaning | undefined
  /** Where its logs are, and what to look for. */
  readonly logs: string
}

/** What the statuses or texts of a product mean: the first pattern that fits. */
export type Rows = readonly (readonly [pattern: RegExp, code: Code, text: string, fix?: string])[]

/** Looks a text up in rows. */
export function meaningIn(rows: Rows, text: string): Meaning | undefined {
  const [, code, words, fix] = rows.find(([pattern]) => pattern.test(text)) ?? []
  if (code === undefined || words === undefined) return undefined
  return { code, text: words, ...(fix !== undefined && { fix }) }
}

const byStatus =
  (rows: Rows) =>
  ({ status }: Seen): Meaning | undefined =>
    meaningIn(rows, String(status))

const byText =
  (rows: Rows) =>
  ({ status, text }: Seen): Meaning | undefined =>
    meaningIn(rows, `${status} ${text}`)

// prettier-ignore
const NGINX: Rows = [
  [/^400 .*plain HTTP request was sent to HTTPS port/s, 'upstream_tls_failed', 'the port speaks TLS, and the call came without', 'Call https: instead.'],
  [/^502/, 'upstream_error', 'nginx got no valid answer from the server behind it', 'Its error.log has the reason: "connect() failed", "prematurely closed", "too big header", "no live upstreams".'],
  [/^504/, 'upstream_timeout', 'the server behind nginx did not answer in time', 'Compare the time with proxy_read_timeout (60 s by default).'],
  [/^503/, 'upstream_overloaded', 'nginx limits the requests, or has none to send them to', 'Look for limit_req and limit_conn.'],
  [/^413/, 'content_too_large', 'the body is over client_max_body_size of nginx'],
]

// prettier-ignore
const ENVOY: Rows = [
  [/overflow/, 'concurrency_limit', 'as many requests as the circuit breaker of Envoy allows are under way'],
  [/no healthy upstream/, 'circuit_open', 'Envoy has no healthy server left to send it to', 'Look at its health checks and its outlier detection.'],
  [/(?:upstream request timeout|stream timeout)/, 'upstream_timeout', 'the server behind Envoy did not answer within the timeout of the route'],
  [/TLS_error|TLS error|CERTIFICATE_VERIFY_FAILED/, 'upstream_tls_failed', 'Envoy could make no TLS connection to the server behind it'],
  [/connection timeout/, 'upstream_connect_timeout', 'Envoy could not connect to the server behind it in time'],
  [/(?:connection refused|connect error: 111|connection failure)/i, 'upstream_refused', 'Envoy could not connect to the server behind it'],
  [/protocol error/, 'upstream_protocol_error', 'the server behind Envoy broke the protocol', 'Is it HTTP/2 on one side, and HTTP/1.1 on the other?'],
  [/(?:connection termination|remote reset|local reset|connect error)/, 'upstream_connection_lost', 'the server behind Envoy closed the connection before it answered', 'Does it close idle connections sooner than Envoy does?'],
]

// prettier-ignore
const CLOUDFLARE: Rows = [
  [/^\d+ .*error code: 1016/s, 'upstream_dns_failed', 'Cloudflare cannot resolve the name of the origin'],
  [/^\d+ .*error code: 1015/s, 'upstream_rate_limited', 'a rate limit of Cloudflare refuses the call'],
  [/^520/, 'upstream_protocol_error', 'the origin closed the connection, or sent Cloudflare an answer that is not valid'],
  [/^521/, 'upstream_refused', 'the origin refuses the connections of Cloudflare', "Is it up, and does its firewall let Cloudflare's addresses in?"],
  [/^522/, 'upstream_connect_timeout', 'Cloudflare could not connect to the origin in time', "Does a firewall drop Cloudflare's addresses?"],
  [/^523/, 'upstream_unreachable', 'Cloudflare has no way to the origin'],
  [/^524/, 'upstream_timeout', 'the origin did not answer Cloudflare in time (100 s by default)'],
  [/^525/, 'upstream_tls_failed', 'the TLS handshake between Cloudflare and the origin failed'],
  [/^526/, 'upstream_tls_certificate', 'the certificate of the origin is not valid for Cloudflare'],
  [/^530/, 'upstream_dns_failed', 'Cloudflare cannot resolve the name of the origin'],
  [/^502/, 'upstream_error', 'Cloudflare got no valid answer from the origin'],
  [/^504/, 'upstream_timeout', 'the origin did not answer Cloudflare in time'],
  [/^403/, 'request_rejected', 'a rule of Cloudflare refuses the call, or wants a browser'],
]

// prettier-ignore
const CLOUDFRONT: Rows = [
  [/^502 .*resolve the origin domain name/s, 'upstream_dns_failed', 'CloudFront cannot resolve the name of the origin'],
  [/^502/, 'upstream_error', 'CloudFront got no valid answer from the origin', 'Most often its TLS: the certificate must fit the name of the origin.'],
  [/^504/, 'upstream_timeout', 'the origin did not answer CloudFront in time', 'Compare with its origin response timeout (30 s by default), and with firewalls.'],
  [/^503/, 'upstream_overloaded', 'CloudFront or a function at its edge has no capacity'],
  [/^403/, 'request_rejected', 'CloudFront refuses the call: the method, the name (CNAME), a signature or its firewall'],
]

// prettier-ignore
const LOAD_BALANCER: Rows = [
  [/^502/, 'upstream_connection_lost', 'the target behind the load balancer closed the connection, or answered with what is no valid HTTP', 'Set the keep-alive timeout of the target above the idle timeout of the load balancer (60 s by default).'],
  [/^503/, 'circuit_open', 'the load balancer has no target that is registered and healthy'],
  [/^504/, 'upstream_timeout', 'the load balancer could not connect to the target within 10 s, or waited for an answer longer than its idle timeout (60 s by default)'],
  [/^561/, 'gateway_misconfigured', 'the load balancer got an error from the identity provider'],
  [/^46[034]/, 'request_rejected', 'the load balancer refuses the call'],
]

// prettier-ignore
const KONG: Rows = [
  [/name resolution failed/i, 'upstream_dns_failed', 'Kong cannot resolve the name of the server behind it'],
  [/ring-balancer/, 'circuit_open', 'Kong has no healthy target left'],
  [/no Route matched/i, 'route_not_found', 'Kong has no route for this path, host or method'],
  [/^502/, 'upstream_error', 'Kong got no valid answer from the server behind it'],
  [/^504/, 'upstream_timeout', 'the server behind Kong did not answer in time'],
]

// prettier-ignore
const HAPROXY: Rows = [
  [/^502/, 'upstream_protocol_error', 'the server behind HAProxy sent an answer that is not valid or not complete'],
  [/^503/, 'upstream_error', 'HAProxy could connect to no server, or has none left that is healthy'],
  [/^504/, 'upstream_timeout', 'the server behind HAProxy did not answer within "timeout server"'],
]

// prettier-ignore
const CADDY: Rows = [
  [/^502/, 'upstream_error', 'Caddy could not connect to the server behind it, or got no valid answer'],
  [/^503/, 'circuit_open', 'Caddy has no healthy server left'],
  [/^504/, 'upstream_timeout', 'the server behind Caddy did not answer in time'],
]

/** What HAProxy's pages say, each for one status. */
const HAPROXY_PAGE =
  /<h1>50[234][^<]*<\/h1>\s*(?:The server returned an invalid|No server is available|The server didn't respond)/
const ENVOY_TEXT =
  /^(?:upstream connect error|no healthy upstream|upstream request timeout|stream timeout|upstream max stream duration)/

/** Products that only pass answers on, the farthest from the origin first. */
export const GATEWAYS: readonly Mark[] = [
  {
    name: 'Cloudflare',
    role: 'gateway',
    passed: ({ field }) => field('cf-ray') !== '',
    wrote: ({ status, field, text }) =>
      /cloudflare/i.test(field('server')) &&
      ((status >= 520 && status <= 530) ||
        field('cf-mitigated') !== '' ||
        /^error code: \d+|class="cf-|<center>cloudflare/i.test(text)),
    means: byText(CLOUDFLARE),
    logs: 'the dashboard of Cloudflare, by the Ray ID',
  },
  {
    name: 'CloudFront',
    role: 'gateway',
    passed: ({ field }) => field('x-amz-cf-id') !== '' || /cloudfront/i.test(field('via')),
    wrote: ({ status, field, text }) =>
      status >= 400 && (field('server') === 'CloudFront' || /Generated by cloudfront/i.test(text)),
    means: byText(CLOUDFRONT),
    logs: 'the access logs of CloudFront (x-edge-detailed-result-type)',
  },
  {
    name: 'an AWS load balancer',
    role: 'gateway',
    passed: ({ field }) =>
      field('server').startsWith('awselb') || /AWSALB/.test(field('set-cookie')),
    wrote: ({ field }) => field('server').startsWith('awselb'),
    means: byStatus(LOAD_BALANCER),
    logs: 'its access logs (elb_status_code against target_status_code)',
  },
  {
    name: 'Kong',
    role: 'gateway',
    passed: ({ field }) => /kong/i.test(field('via') + field('server')),
    wrote: ({ status, field }) =>
      status >= 400 && /^kong/i.test(field('server')) && field('x-kong-upstream-latency') === '',
    means: byText(KONG),
    logs: 'the error log of Kong, by its request id',
  },
  {
    name: 'Envoy',
    role: 'gateway',
    passed: ({ field }) =>
      /envoy/i.test(field('server')) || field('x-envoy-upstream-service-time') !== '',
    wrote: ({ status, field, text }) =>
      status >= 400 &&
      (ENVOY_TEXT.test(text) || field('x-envoy-overloaded') + field('x-envoy-ratelimited') !== ''),
    means: ({ field, text }) =>
      meaningIn(ENVOY, field('x-envoy-overloaded') === '' ? text : 'overflow'),
    logs: 'the access log of Envoy (%RESPONSE_FLAGS%, %RESPONSE_CODE_DETAILS%)',
  },
  {
    name: 'nginx',
    role: 'gateway',
    passed: ({ field }) => /^(?:nginx|openresty)/i.test(field('server')),
    wrote: ({ text }) => /<center>(?:nginx|openresty)/i.test(text),
    means: byText(NGINX),
    logs: 'the error.log of nginx',
  },
  {
    name: 'HAProxy',
    role: 'gateway',
    passed: ({ text }) => HAPROXY_PAGE.test(text),
    wrote: ({ text }) => HAPROXY_PAGE.test(text),
    means: byStatus(HAPROXY),
    logs: 'the log of HAProxy (the termination state, such as SC or sH)',
  },
  {
    name: 'Caddy',
    role: 'gateway',
    passed: ({ field }) => /Caddy/.test(field('server') + field('via')),
    wrote: ({ status, field, text }) =>
      status >= 502 && status <= 504 && /Caddy/.test(field('server')) && text === '',
    means: byStatus(CADDY),
    logs: 'the error log of Caddy',
  },
]
