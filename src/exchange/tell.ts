import type {
  AnsweredBy,
  EventRequest,
  ProblemEvent,
  RequestEndEvent,
  RequestStartEvent,
  SpanIds,
} from '../common/event-shapes.js'
import { problem, requestEnd, requestStart, tell } from '../common/events.js'
import { codes } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'
import { text } from '../failures/rule.js'
import { clientLeft } from '../response/client.js'
import { type Gate, headIsOut } from '../response/gate.js'
import { timesOf } from './call-event.js'
import type { Calls } from './calls.js'
import { lowLevelOf, pathOf, redact, type Seen } from './in-words.js'
import type { Origin } from './origin.js'

/** What is told of an exchange. */
export interface Told extends EventRequest {
  readonly calls: Calls
  /** The method as it was first seen. */
  readonly method: string
  readonly response: Gate
  readonly origin: Origin | undefined
  readonly hostContext: object | undefined
  /** When it began, in milliseconds of the monotonic clock; NaN where nobody listened. */
  startedAt: number | undefined
  /** What has gone wrong last. */
  problem: GatewayError | undefined
  /** The failure for which a fallback was asked to answer. */
  fallbackFor: GatewayError | undefined
}

/** A request begins. */
export function tellStart(exchange: Told): void {
  exchange.startedAt =
    requestStart.hasSubscribers || requestEnd.hasSubscribers ? performance.now() : NaN
  tell(requestStart, startOf, exchange)
}

function startOf(exchange: Told): RequestStartEvent {
  return { exchange, method: exchange.method }
}

/** A request is over. The exchange of a fallback is no request of its own. */
export function tellEnd(exchange: Told): void {
  if (exchange.startedAt !== undefined) tell(requestEnd, endOf, exchange)
}

function endOf(exchange: Told): RequestEndEvent {
  const { method, route, upstream, startedAt = NaN, fallbackFor } = exchange
  const by = speakerOf(exchange)
  const status = statusOf(exchange)
  return {
    exchange,
    method,
    route,
    upstream,
    status,
    code: codeOf(exchange),
    by,
    duration: Number.isNaN(startedAt) ? undefined : performance.now() - startedAt,
    overhead: by === 'upstream' ? overheadOf(exchange) : undefined,
    fallback: fallbackFor?.code,
  }
}

/** Who wrote the head that is out. */
function speakerOf(exchange: Told): AnsweredBy {
  const { response, origin, res, problem: told } = exchange
  const status = statusOf(exchange)
  if (!res.headersSent && (response.head === undefined || isGone(exchange))) return 'nobody'
  const isAnswered = response.phase === 'answered' || response.phase === 'answering'
  if (told !== undefined && isAnswered) return 'gateway'
  if (origin?.by === 'upstream') return 'upstream'
  // Without `problemDetails` the host writes what we have thrown.
  return told !== undefined && told.status === status ? 'gateway' : 'application'
}

const isGone = ({ response, res }: Told): boolean => !res.headersSent && clientLeft(response)

/** The head of an upgrade goes out below its response. */
function statusOf(exchange: Told): number | undefined {
  const { res, response, problem: told } = exchange
  if (res.headersSent) return res.statusCode
  if (isGone(exchange)) return told?.status ?? codes.client_closed_request.status
  return response.head?.status
}

function codeOf(exchange: Told): string | undefined {
  const { problem: told, origin } = exchange
  if (told) return told.code
  if (origin?.by === 'failure') return origin.failure.code
  return clientLeft(exchange.response) ? 'client_closed_request' : undefined
}

/** Undefined where nobody listened when the head went out. */
function overheadOf({ response: { headAt }, origin }: Told): number | undefined {
  const answeredAt = origin?.by === 'upstream' ? origin.call.answeredAt : undefined
  return headAt === undefined || answeredAt === undefined ? undefined : headAt - answeredAt
}

/** The members of a standard body that are told by themselves. */
interface Body {
  readonly status: number
  readonly detail: string
  readonly retryable: boolean
  readonly request_id: string
}

/** How a problem is told. */
interface Details {
  /** The body that the client gets, where there is one. */
  readonly body?: Body
  /** Whether the client is not told. */
  readonly reported?: boolean
}

/** Whether somebody wants to know what goes wrong. */
export const isListenedTo = (): boolean => problem.hasSubscribers || requestEnd.hasSubscribers

/** Something has gone wrong with a request; one error is told once. */
export function tellProblem(exchange: Told, error: GatewayError, details: Details = {}): void {
  if (exchange.problem === error) return
  if (details.reported !== true) exchange.problem = error
  if (problem.hasSubscribers) tell(problem, problemOf, { exchange, error, details })
}

interface AboutProblem {
  readonly exchange: Told
  readonly error: GatewayError
  readonly details: Details
}

function problemOf({ exchange, error, details }: AboutProblem): ProblemEvent {
  const { body, reported = false } = details
  const seen = seenOf(exchange)
  const detail = redact(body?.detail ?? error.message, seen)
  const { deciding } = exchange.calls
  return {
    exchange,
    code: error.code,
    cause: codes[error.code].cause,
    status: body?.status ?? error.status,
    detail,
    retryable: body?.retryable,
    requestId: body?.request_id,
    traceId: undefined,
    spanId: undefined,
    ...spanOf(exchange),
    method: exchange.method,
    route: exchange.route,
    path: pathOf(seen),
    upstream: error.options.upstream ?? exchange.upstream,
    upstreamStatus: receivedStatus(error, exchange),
    afterHead: headIsOut(exchange.response),
    reported,
    error: lowLevelOf(error.cause, seen),
    times: deciding && timesOf(deciding),
    problem: body && { ...body, detail },
  }
}

/** The status of the upstream's answer, where it has answered (RFC 9209, section 2.1.4). */
export function receivedStatus(
  error: GatewayError,
  { calls }: Pick<Told, 'calls'>,
): number | undefined {
  const told = error.options.proxyStatus?.['received-status']
  if (typeof told === 'number') return told
  return codes[error.code].afterHead ? calls.deciding?.status : undefined
}

/** What of a request its secrets are in. The host keeps the target as the client sent it. */
export function seenOf({ req, url, hostContext }: Pick<Told, 'req' | 'url' | 'hostContext'>): Seen {
  return {
    headers: req.headers,
    url: text(hostContext, 'originalUrl') || text(req, 'originalUrl') || url,
  }
}

/** `version-traceid-parentid-flags`; later versions have the same first four parts. */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/

/** The trace that a request belongs to: its own span, else what the client has sent. */
export function spanOf({ req, trace }: Pick<Told, 'req' | 'trace'>): Partial<SpanIds> {
  if (trace) return { traceId: trace.traceId, spanId: trace.spanId }
  const { traceparent } = req.headers
  const traceId = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined
  return traceId === undefined ? {} : { traceId }
}
