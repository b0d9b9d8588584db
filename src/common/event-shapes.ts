import type { IncomingMessage, ServerResponse } from 'node:http'

/** The request that an event is about, as callbacks get it on every host. */
export interface EventRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The target as it was first seen. */
  readonly url: string
  readonly params: Readonly<Record<string, string>>
  /** Template of the route that matched, such as `/orders/:id`; undefined until one has. */
  readonly route: string | undefined
  /** The `operationId` of the operation that matched, where the document has one. */
  readonly operationId: string | undefined
  /** Name of the upstream, once a circuit breaker or `forward` has named it. */
  readonly upstream: string | undefined
  /** The span that the request belongs to, where a tracer is there. @internal */
  trace: SpanIds | undefined
}

/** The ids of a span (W3C Trace Context). */
export interface SpanIds {
  readonly traceId: string
  readonly spanId: string
}

/** A request has reached the first of the middlewares; told in its own asynchronous context. */
export interface RequestStartEvent {
  readonly exchange: EventRequest
  /** As the client wrote it: any text. */
  readonly method: string
}

/** Who wrote the head of a response; `nobody` where the request ended without one. */
export type AnsweredBy = 'upstream' | 'gateway' | 'application' | 'nobody'

/** A request is over. */
export interface RequestEndEvent {
  readonly exchange: EventRequest
  /** As the client wrote it: any text. */
  readonly method: string
  /** Template of the route, never a path; undefined where no table has matched. */
  readonly route: string | undefined
  readonly upstream: string | undefined
  /** The status that was sent; 499 where the client left before that, undefined where nobody answered. */
  readonly status: number | undefined
  /** The code of what went wrong: of the problem, or of the call of which the application told in its own words. */
  readonly code: string | undefined
  readonly by: AnsweredBy
  /** Milliseconds; undefined for a request that began before anybody listened. */
  readonly duration: number | undefined
  /** Milliseconds from the head of the upstream's response to ours; undefined where `by` is not `upstream`. */
  readonly overhead: number | undefined
  /** The code of the failure for which a fallback was asked to answer. */
  readonly fallback: string | undefined
}

/** Milliseconds since a call was started. */
export interface CallTimes {
  /** Until the connection was established, TLS included; about 0 for a reused connection. */
  readonly connect?: number
  /** Until the head of the response arrived. */
  readonly firstByte?: number
  /** Until the end of the call, or until now. */
  readonly total: number
}

/** A call to an upstream is over, or its request is, and nobody waits for the rest. */
export interface CallEndEvent {
  /** The request that the call was made for. */
  readonly exchange: EventRequest
  readonly upstream: string | undefined
  /** How the call ended; `aborted` where this side has ended it. */
  readonly state: 'complete' | 'failed' | 'aborted'
  /** The status of the upstream's response, once its head was there. */
  readonly status: number | undefined
  /** Why it failed or was aborted. */
  readonly code: string | undefined
  /** From 1; more where `forward` has sent the request again. */
  readonly attempt: number
  readonly times: CallTimes
}

/** A low-level error as text. */
export interface ErrorText {
  readonly name: string
  readonly message: string
  /** Such as `ECONNREFUSED`. */
  readonly code?: string
  /** Such as `connect`. */
  readonly syscall?: string
}

/** Something has gone wrong with a request. Nothing in it is a secret of the request. */
export interface ProblemEvent {
  /** Undefined for what Node's server refuses by itself: see `clientErrorListener`. */
  readonly exchange: EventRequest | undefined
  readonly code: string
  readonly cause: string
  /** The status of the answer; 499 where the client has left. */
  readonly status: number
  /** What happened, as the client may know it. */
  readonly detail: string
  /** Whether exactly this request may be sent again; undefined without `problemDetails`. */
  readonly retryable: boolean | undefined
  /** Undefined without `problemDetails`, which makes it. */
  readonly requestId: string | undefined
  readonly traceId: string | undefined
  readonly spanId: string | undefined
  /** As the client wrote it: any text; empty where there is no request. */
  readonly method: string
  /** Template of the route, never a path. */
  readonly route: string | undefined
  /** Path of the request as it was first seen, without its query. */
  readonly path: string
  readonly upstream: string | undefined
  /** The status of the upstream's answer, where it has answered. */
  readonly upstreamStatus: number | undefined
  /** Whether the head of the response was out, so that the client only sees it end early. */
  readonly afterHead: boolean
  /** Whether the client is not told, because `validate` only reports. */
  readonly reported: boolean
  /** The low-level error, in words. */
  readonly error: ErrorText | undefined
  /** Of the call that stands for the request. */
  readonly times: CallTimes | undefined
  /** The body that the client gets; undefined without `problemDetails`. */
  readonly problem: object | undefined
}

/** The states of a circuit; `held` is open by hand, until somebody closes it. */
export type CircuitState = 'closed' | 'open' | 'half_open' | 'held'

/** A circuit has changed its state. */
export interface CircuitEvent {
  readonly name: string
  /** Undefined where the circuit has none; clients may have chosen it. */
  readonly key: string | undefined
  readonly from: CircuitState
  readonly to: CircuitState
  /** Why: `failures`, `wait_over`, `probe_failed`, `probe_succeeded`, `by_hand` or `fleet`. */
  readonly reason: string
}

/** A circuit has let a request or a call of `.fire` not through. */
export interface RefusalEvent {
  readonly name: string
  readonly key: string | undefined
  readonly code: 'circuit_open' | 'concurrency_limit'
}

/** A member of a fleet has sent or got a message, or its connection has come or gone. */
export interface FleetEvent {
  readonly fleet: string
  readonly state: 'joining' | 'joined' | 'away'
  /** What became of a message; undefined where only `state` has changed. */
  readonly result: string | undefined
}

/** The events by the names of their channels, which begin with `good-gateway:`. */
export interface Events {
  'request:start': RequestStartEvent
  'request:end': RequestEndEvent
  'call:end': CallEndEvent
  problem: ProblemEvent
  circuit: CircuitEvent
  refusal: RefusalEvent
  fleet: FleetEvent
}
