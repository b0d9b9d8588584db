import { type Cause, type Code, codes, type Retry } from '../errors/codes.js'
import { describe, type GatewayError, type Issue } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { isRepeatable } from '../exchange/repeatable.js'
import { receivedStatus } from '../exchange/tell.js'
import { waitIn } from '../common/retry-after.js'
import { fieldNamed } from './fields.js'

/** The standard body: problem details (RFC 9457) with the members of a gateway. */
export interface Problem {
  /** URI of the problem type: `typeBase` and the code. */
  readonly type: string
  /** Summary of the type, the same in every answer. */
  readonly title: string
  /** The HTTP status of the answer. */
  readonly status: number
  /** What happened this time. */
  readonly detail: string
  /** Machine-readable reason. */
  readonly code: Code
  /** What kind of thing was at fault. */
  readonly cause: Cause
  /** Whether exactly this request may be sent again. */
  readonly retryable: boolean
  /** Seconds to wait before that; mirrors `Retry-After`. */
  readonly retry_after?: number
  /** The upstream, as its circuit breaker names it. */
  readonly upstream?: { readonly name: string; readonly status?: number }
  /** The violations of the schema. */
  readonly errors?: readonly Issue[]
  /** Whether there were more violations than `errors` lists. */
  readonly errors_truncated?: boolean
  /** Id of the request, to find it in the logs. */
  readonly request_id: string
}

/** The options of `problemDetails` that change a problem. */
export interface ProblemOptions {
  readonly typeBase: string
  readonly expose: 'safe' | 'full'
  readonly status: Readonly<Partial<Record<Code, number>>>
}

/** The problem of an error, its members in the fixed order. */
export function problemOf(
  error: GatewayError,
  exchange: Exchange,
  requestId: string,
  { typeBase, expose, status }: ProblemOptions,
): Problem {
  const { title, cause, retry } = codes[error.code]
  const wait = waitOf(error)
  const upstream = upstreamOf(error, exchange)
  const { errors, errorsTruncated } = error.options
  return {
    type: typeBase + error.code,
    title,
    status: status[error.code] ?? error.status,
    detail: detailOf(error, nameOf(error, exchange), expose),
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

/** Bounds of `retry_after` in seconds: clients have no bound of their own. */
const SHORTEST_WAIT = 1
const LONGEST_WAIT = 300
/** What the application asks of the client itself is its own affair; this is what fits in 32 bits. */
const LONGEST_OWN_WAIT = 2 ** 31 - 1

function waitOf({ code, headers }: GatewayError): number | undefined {
  const field = fieldNamed(headers, 'retry-after')
  const wait = field === undefined ? undefined : waitIn(field)
  if (wait === undefined) return undefined
  const longest = codes[code].about === 'upstream' ? LONGEST_WAIT : LONGEST_OWN_WAIT
  return Math.min(Math.max(Math.ceil(wait / 1000), SHORTEST_WAIT), longest)
}

function isRetryable(retry: Retry, status: number, exchange: Exchange): boolean {
  if (retry === 'safe' || status === 429) return true
  return retry !== 'never' && isRepeatable(exchange)
}

/** The name of the upstream, where the error is about it and a circuit breaker has given a name. */
function nameOf({ code, options }: GatewayError, exchange: Exchange): string | undefined {
  return codes[code].about === 'upstream' ? (options.upstream ?? exchange.upstream) : undefined
}

function upstreamOf(error: GatewayError, exchange: Exchange): Problem['upstream'] {
  const name = nameOf(error, exchange)
  if (name === undefined) return undefined
  const status = receivedStatus(error, exchange)
  return { name, ...(status !== undefined && { status }) }
}

/** Most characters of `detail`: the message of an application's error can have any length. */
const LONGEST_DETAIL = 1000

function detailOf(
  error: GatewayError,
  upstream: string | undefined,
  expose: ProblemOptions['expose'],
): string {
  // The error may have been made where the name of the upstream was not known.
  const unnamed = error.options.detail === undefined && error.options.upstream === undefined
  const message = unnamed ? describe(codes[error.code], upstream) : error.message
  const detail = expose === 'full' ? message + innerMessage(error) : message
  return detail.length > LONGEST_DETAIL ? `${detail.slice(0, LONGEST_DETAIL)}…` : detail
}

/** The low-level message, for development only. */
function innerMessage({ cause }: GatewayError): string {
  return cause instanceof Error ? ` (${cause.message})` : ''
}
