import type { CallTimes, ErrorText } from '../common/event-shapes.js'
import type { Cause, Code } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { pathOf, lowLevelOf, redact } from '../exchange/in-words.js'
import { timesOf } from '../exchange/call-event.js'
import { receivedStatus, seenOf, spanOf } from '../exchange/tell.js'
import type { Problem } from './problem.js'

/**
 * What `onError` gets with the error: plain values that can be logged as they are. None of them
 * contains query strings, credentials or cookies of the request.
 */
export interface ErrorInfo {
  readonly code: Code
  readonly cause: Cause
  /** The low-level error as text; the error itself is the `cause` of the first argument. */
  readonly error?: LowLevelError
  /** The upstream: its name where a circuit breaker gave one, its status where it answered. */
  readonly upstream?: { readonly name?: string; readonly status?: number }
  /** Times of the call that stands for the request; absent when there was no call. */
  readonly timings?: Timings
  /** The attempts of `forward`, where it has sent the request more than once. */
  readonly attempts?: readonly Attempt[]
  /** Id of the request, which the client got too. */
  readonly requestId: string
  /** Id of the trace that the request belongs to (W3C Trace Context, field `traceparent`). */
  readonly traceId?: string
  /** Id of the span of the request, where `openTelemetry` is listening. */
  readonly spanId?: string
  readonly method: string
  /** Path of the request as the client sent it, without its query. */
  readonly path: string
  /** Template of the route that matched, such as `/orders/:id`; absent where none has. */
  readonly route?: string
  /** The body that the client got, or would have got if the head had not been out already. */
  readonly problem: Problem
  /** Present when the client does not get the problem, because `validate` only reports it. */
  readonly reported?: true
}

/** One of several attempts, in their order. */
export interface Attempt {
  /** Name of its target. */
  readonly upstream?: string
  /** Status of its answer. */
  readonly status?: number
  /** Code of its failure. */
  readonly code?: Code
  readonly timings: Timings
}

/** A low-level error as text. */
export type LowLevelError = ErrorText

/** Milliseconds since the call was started. */
export type Timings = CallTimes

/** Describes a problem for a log. */
export function infoOf(error: GatewayError, exchange: Exchange, problem: Problem): ErrorInfo {
  const seen = seenOf(exchange)
  const lowLevel = lowLevelOf(error.cause, seen)
  const upstream = upstreamOf(error, exchange)
  const { deciding } = exchange.calls
  return {
    code: error.code,
    cause: problem.cause,
    ...(lowLevel && { error: lowLevel }),
    ...(upstream && { upstream }),
    ...(deciding && { timings: timesOf(deciding) }),
    ...attemptsOf(exchange),
    requestId: problem.request_id,
    ...spanOf(exchange),
    method: exchange.method,
    path: pathOf(seen),
    ...(exchange.route !== undefined && { route: exchange.route }),
    problem: { ...problem, detail: redact(problem.detail, seen) },
  }
}

function attemptsOf({ calls: { all } }: Exchange): Pick<ErrorInfo, 'attempts'> {
  // Most requests have one call at most.
  if (all.length < 2 || !all.some(({ attempt }) => attempt > 1)) return {}
  return {
    attempts: all.map(({ upstream, status, failure, ...times }) => ({
      ...(upstream !== undefined && { upstream }),
      ...(status !== undefined && { status }),
      ...(failure && { code: failure.code }),
      timings: timesOf(times),
    })),
  }
}

function upstreamOf(error: GatewayError, exchange: Exchange): ErrorInfo['upstream'] {
  const name = error.options.upstream ?? exchange.upstream
  const status = receivedStatus(error, exchange)
  if (name === undefined && status === undefined) return undefined
  return { ...(name !== undefined && { name }), ...(status !== undefined && { status }) }
}
