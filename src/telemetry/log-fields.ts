import type { CircuitEvent, ProblemEvent } from '../common/event-shapes.js'

/** What can be written as JSON. */
export type Fields = Readonly<Record<string, unknown>>

/** What is known of all problems of one kind. */
export type CommonFields = Pick<ProblemEvent, 'code' | 'cause' | 'status' | 'upstream' | 'reported'>

/** How what is told is called in a log. */
export interface FieldNames {
  common(kind: CommonFields): Fields
  problem(problem: ProblemEvent): Fields
  circuit(change: CircuitEvent): Fields
}

/** Leaves out what is not known. */
const known = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const onlyTrue = (value: boolean): true | undefined => (value ? true : undefined)

const plainCommon = ({ code, cause, status, upstream, reported }: CommonFields): Fields => ({
  code,
  cause,
  status,
  upstream,
  reported: onlyTrue(reported),
})

const plain: FieldNames = {
  common: (kind) => known(plainCommon(kind)),
  problem: (problem) =>
    known({
      ...plainCommon(problem),
      upstreamStatus: problem.upstreamStatus,
      method: problem.method,
      path: problem.path,
      route: problem.route,
      requestId: problem.requestId,
      traceId: problem.traceId,
      spanId: problem.spanId,
      retryable: problem.retryable,
      afterHead: onlyTrue(problem.afterHead),
      error: problem.error,
      timings: problem.times,
    }),
  circuit: ({ name, from, to, reason }) => ({ circuit: name, from, to, reason }),
}

/** Names of the gateway's own, where there is no other: the same in both conventions. */
const ownCommon = ({ cause, upstream, reported }: CommonFields): Fields => ({
  'good_gateway.cause': cause,
  'good_gateway.upstream.name': upstream,
  'good_gateway.reported': onlyTrue(reported),
})

const own = (problem: ProblemEvent): Fields => ({
  'good_gateway.upstream.status_code': problem.upstreamStatus,
  'good_gateway.retryable': problem.retryable,
  'good_gateway.after_head': onlyTrue(problem.afterHead),
  'good_gateway.timings': problem.times,
})

const ownCircuit = ({ name, from, to, reason }: CircuitEvent): Fields => ({
  'good_gateway.circuit.name': name,
  'good_gateway.circuit.from': from,
  'good_gateway.circuit.state': to,
  'good_gateway.circuit.reason': reason,
})

const ecsCommon = (kind: CommonFields): Fields => ({
  'event.dataset': 'good-gateway',
  'event.outcome': kind.reported ? 'unknown' : 'failure',
  'error.code': kind.code,
  'http.response.status_code': kind.status,
  ...ownCommon(kind),
})

/** https://www.elastic.co/docs/reference/ecs */
const ecs: FieldNames = {
  common: (kind) => known(ecsCommon(kind)),
  problem: (problem) =>
    known({
      ...ecsCommon(problem),
      'error.type': problem.error?.name,
      'error.message': problem.error?.message ?? problem.detail,
      'http.request.method': problem.method,
      'http.request.id': problem.requestId,
      'url.path': problem.path,
      'good_gateway.route': problem.route,
      'good_gateway.error.code': problem.error?.code,
      'good_gateway.error.syscall': problem.error?.syscall,
      'trace.id': problem.traceId,
      'span.id': problem.spanId,
      ...own(problem),
    }),
  circuit: (change) => ({ 'event.dataset': 'good-gateway', ...ownCircuit(change) }),
}

const otelCommon = (kind: CommonFields): Fields => ({
  'good_gateway.code': kind.code,
  'http.response.status_code': kind.status,
  ...ownCommon(kind),
})

/** https://opentelemetry.io/docs/specs/semconv/, and the names for a trace in other formats than OTLP. */
const otel: FieldNames = {
  common: (kind) => known(otelCommon(kind)),
  problem: (problem) =>
    known({
      ...otelCommon(problem),
      'error.type': problem.code,
      'exception.type': problem.error?.code ?? problem.error?.name,
      'exception.message': problem.error?.message,
      'http.request.method': problem.method,
      'http.route': problem.route,
      'url.path': problem.path,
      'good_gateway.request_id': problem.requestId,
      trace_id: problem.traceId,
      span_id: problem.spanId,
      ...own(problem),
    }),
  circuit: ownCircuit,
}

/** By the option `fields`. */
export const fieldNames: Readonly<Record<'plain' | 'ecs' | 'otel', FieldNames>> = {
  plain,
  ecs,
  otel,
}
