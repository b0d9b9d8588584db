import { type Cause, type Code, codes, type Retry } from '../errors/codes.js'
import type { GatewayError, Issue } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { callsOf } from '../upstream/store.js'
import { waitOf } from './retry-after.js'

/** The standard body: problem details (RFC 9457) with the members of a gateway. */
export interface Problem {
  /** URI of the problem type: `typeBase` and the code. */
  readonly type: string
  /** Summary of the type, the same in every answer. */
  readonly title: string
  /** The HTTP status of the answer. */
  readonly status: number
  /** What happened this time, and what helps. */
  readonly detail: string
  /** Machine-readable reason. */
  readonly code: Code
  /** What kind of thing was at fault. */
  readonly cause: Cause
  /** Whether this very request may be sent again. */
  readonly retryable: boolean
  /** Seconds to wait before that; mirrors `Retry-After`. */
  readonly retry_after?: number
  /** The upstream, as its circuit breaker names it. */
  readonly upstream?: { readonly name: string; readonly status?: number }
  /** What the schema found. */
  readonly errors?: readonly Issue[]
  /** Whether the schema found more than `errors` lists. */
  readonly errors_truncated?: boolean
  /** Id of the request, to find it in the logs. */
  readonly request_id: string
}

/** What of the options of `problemDetails` shapes a problem. */
export interface ProblemOptions {
  readonly typeBase: string
  readonly expose: 'safe' | 'full'
  readonly status: Readonly<Partial<Record<Code, number>>>
}

/** Describes an error to the client, in the order of members that the contract fixes. */
export function problemOf(
  error: GatewayError,
  exchange: Exchange,
  requestId: string,
  { typeBase, expose, status }: ProblemOptions,
): Problem {
  const { title, cause, retry } = codes[error.code]
  const wait = waitOf(error.headers)
  const upstream = upstreamOf(error, exchange)
  const { errors, errorsTruncated } = error.options
  return {
    type: typeBase + error.code,
    title,
    status: status[error.code] ?? error.status,
    detail: detailOf(error, expose),
    code: error.code,
    cause,
    retryable: isRetryable(error.options.retry ?? retry, error.status, exchange),
    ...(wait !== undefined && { retry_after: wait }),
    ...(upstream && { upstream }),
    ...(errors && { errors }),
    ...(errorsTruncated && { errors_truncated: true }),
    request_id: requestId,
  }
}

/** Methods that may be repeated without harm (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

function isRetryable(retry: Retry, status: number, { req }: Exchange): boolean {
  if (retry === 'safe' || status === 429) return true
  if (retry === 'never') return false
  return IDEMPOTENT.has(req.method ?? '') || req.headers['idempotency-key'] !== undefined
}

/** Codes that do not name the upstream as their first word, but are about it. */
const ABOUT_UPSTREAM: ReadonlySet<Code> = new Set<Code>(['circuit_open', 'concurrency_limit'])

function upstreamOf(error: GatewayError, exchange: Exchange): Problem['upstream'] {
  const about = error.code.startsWith('upstream_') || ABOUT_UPSTREAM.has(error.code)
  const name = about ? (error.options.upstream ?? exchange.upstream) : undefined
  if (name === undefined) return undefined
  const status = receivedStatus(error, exchange)
  return { name, ...(status !== undefined && { status }) }
}

/** Codes of what can only go wrong once the upstream has answered. */
const AFTER_HEAD: ReadonlySet<Code> = new Set<Code>([
  'upstream_error',
  'upstream_response_incomplete',
  'upstream_response_invalid',
  'upstream_response_too_large',
  'upstream_encoding_invalid',
  'upstream_idle_timeout',
])

/** The status that the upstream answered with, where it did (RFC 9209, section 2.1.4). */
export function receivedStatus(error: GatewayError, exchange: Exchange): number | undefined {
  const told = error.options.proxyStatus?.['received-status']
  if (typeof told === 'number') return told
  return AFTER_HEAD.has(error.code) ? callsOf(exchange).last?.status : undefined
}

/** An error of the application may have any message; clients read bodies up to a bound. */
const LONGEST_DETAIL = 1000

function detailOf(error: GatewayError, expose: ProblemOptions['expose']): string {
  const detail = expose === 'full' ? error.message + innerMessage(error) : error.message
  return detail.length > LONGEST_DETAIL ? `${detail.slice(0, LONGEST_DETAIL)}…` : detail
}

/** The low-level message, for development only. */
function innerMessage({ cause }: GatewayError): string {
  return cause instanceof Error ? ` (${cause.message})` : ''
}
