import type {
  EventRequest,
  ProblemEvent,
  RequestEndEvent,
  SpanIds,
} from '../common/event-shapes.js'
import { listen } from '../common/events.js'
import { knownExchange } from '../exchange/exchange.js'
import type { OpenTelemetryApi, Span } from './open-telemetry-api.js'

/** Under this key the instrumentations of servers keep the span of the request: `RPC_METADATA` of `@opentelemetry/core`. */
const RPC_METADATA = Symbol.for('OpenTelemetry SDK Context Key RPC_METADATA')

/** What is kept there. */
interface RpcMetadata {
  readonly span?: Span
  /** What the instrumentation names the span by. */
  route?: string
}

/** The span of a request, kept on its exchange. */
class ServerSpan implements SpanIds {
  readonly traceId: string
  readonly spanId: string
  readonly span: Span
  readonly rpc: RpcMetadata | undefined

  constructor(span: Span, rpc: RpcMetadata | undefined) {
    const { traceId, spanId } = span.spanContext()
    this.traceId = traceId
    this.spanId = spanId
    this.span = span
    this.rpc = rpc
  }
}

/** Writes on the spans of the server what went wrong; returns how to stop. */
export function traceProblems(api: OpenTelemetryApi): () => void {
  const { ERROR } = api.SpanStatusCode
  return listen({
    // Later, the span that is active is that of a call to the upstream.
    'request:start': ({ exchange }) => takeSpan(api, exchange),
    problem: (problem) => {
      const span = spanOf(problem.exchange)
      if (span && !problem.reported) describeProblem(span, problem, ERROR)
    },
    'request:end': (end) => {
      const { trace } = end.exchange
      if (trace instanceof ServerSpan) describeEnd(trace, end)
    },
  })
}

function takeSpan(api: OpenTelemetryApi, exchange: EventRequest): void {
  const rpc = api.context.active().getValue(RPC_METADATA) as RpcMetadata | undefined
  const span = rpc?.span ?? api.trace.getActiveSpan()
  if (span === undefined || isInvalid(span)) return
  exchange.trace = new ServerSpan(span, rpc)
  if (span.isRecording()) exchange.res.prependOnceListener('close', closeBefore)
}

/** A span of nothing has an id of zeros. */
const isInvalid = (span: Span): boolean => /^0*$/.test(span.spanContext().traceId)

/** The instrumentation ends the span in a listener of its own: the end of the request must be told before. */
function closeBefore(this: EventRequest['res']): void {
  const exchange = knownExchange(this.req)
  if (exchange?.res === this) exchange.close()
}

function spanOf(exchange: EventRequest | undefined): Span | undefined {
  const trace = exchange?.trace
  return trace instanceof ServerSpan && trace.span.isRecording() ? trace.span : undefined
}

function describeProblem(span: Span, problem: ProblemEvent, ERROR: number): void {
  const { code, cause, retryable, requestId, upstream, status, afterHead, detail } = problem
  span.setAttribute('good_gateway.code', code)
  span.setAttribute('good_gateway.cause', cause)
  if (retryable !== undefined) span.setAttribute('good_gateway.retryable', retryable)
  if (requestId !== undefined) span.setAttribute('good_gateway.request_id', requestId)
  if (upstream !== undefined) span.setAttribute('good_gateway.upstream.name', upstream)
  // A client that leaves is no error of the server, even where it had a part.
  if (status < 500 && (!afterHead || code === 'client_closed_request')) return
  span.setAttribute('error.type', code)
  span.setStatus({ code: ERROR, message: detail })
}

function describeEnd({ span, rpc }: ServerSpan, end: RequestEndEvent): void {
  const { by, status, code, upstream, route, exchange } = end
  // Without a head, the status on the response is a default of the host's.
  if (by === 'nobody' && status !== undefined) exchange.res.statusCode = status
  if (rpc && route !== undefined) rpc.route ??= route
  if (!span.isRecording()) return
  span.setAttribute('good_gateway.answered_by', by)
  if (code !== undefined) span.setAttribute('good_gateway.code', code)
  if (upstream !== undefined) span.setAttribute('good_gateway.upstream.name', upstream)
}
