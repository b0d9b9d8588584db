import { breakers } from '../circuit/registry.js'
import type {
  CallEndEvent,
  CircuitState,
  EventRequest,
  RequestEndEvent,
} from '../common/event-shapes.js'
import { listen } from '../common/events.js'
import { version } from '../common/version.js'
import type { GaugeName, MetricName, Values } from './metrics.js'

/** Where what is measured goes: adds one to a counter, or a time in seconds to a histogram. */
export type Sink = (metric: Exclude<MetricName, GaugeName>, values: Values, amount?: number) => void

/** The value of a gauge for some labels. */
export type Reading = readonly [values: Values, value: number]

/** What is being measured. */
export interface Measured {
  /** The gauges as they are now. */
  readonly gauges: Readonly<Record<GaugeName, () => readonly Reading[]>>
  /** Stops listening. */
  stop(): void
}

/** Turns events into numbers. */
export function measure(sink: Sink): Measured {
  const active = new Set<EventRequest>()
  const fleets = new Map<string, number>()
  const stop = listen({
    'request:start': ({ exchange }) => void active.add(exchange),
    'request:end': (end) => {
      active.delete(end.exchange)
      measureRequest(sink, end)
    },
    'call:end': (end) => measureCall(sink, end),
    problem: ({ reported, route, code }) => {
      if (reported) sink('reports_total', { ...(route !== undefined && { route }), code })
    },
    circuit: ({ name, to }) => sink('circuit_transitions_total', { circuit: name, to }),
    refusal: ({ name, code }) => sink('circuit_refusals_total', { circuit: name, code }),
    fleet: ({ fleet, state, result }) => {
      fleets.set(fleet, Number(state === 'joined'))
      if (result !== undefined) sink('fleet_messages_total', { fleet, result })
    },
  })
  return {
    gauges: {
      requests_active: () => activeByUpstream(active),
      circuit_state: circuitStates,
      fleet_connected: () => [...fleets].map(([fleet, joined]) => [{ fleet }, joined] as const),
      info: () => [[{ version }, 1]],
    },
    stop() {
      stop()
      active.clear()
    },
  }
}

function measureRequest(sink: Sink, end: RequestEndEvent): void {
  const { by, code, status, upstream, duration, overhead, fallback } = end
  const values: Values = {
    method: methodOf(end.method),
    route: end.route ?? '',
    status: status === undefined ? '' : String(status),
    code: code ?? '',
    by,
  }
  sink('requests_total', values)
  if (duration !== undefined) sink('request_duration_seconds', values, duration / 1000)
  if (overhead !== undefined) sink('overhead_seconds', values, overhead / 1000)
  if (fallback !== undefined) sink('fallbacks_total', { circuit: upstream ?? '', code: fallback })
}

function measureCall(sink: Sink, { upstream, status, code, attempt, times }: CallEndEvent): void {
  const values: Values = {
    upstream: upstream ?? '',
    status: status === undefined ? '' : String(status),
    code: code ?? '',
  }
  const { connect, firstByte, total } = times
  sink('upstream_requests_total', values)
  if (connect !== undefined) sink('upstream_connect_seconds', values, connect / 1000)
  if (firstByte !== undefined) sink('upstream_first_byte_seconds', values, firstByte / 1000)
  sink('upstream_duration_seconds', values, total / 1000)
  if (attempt > 1) sink('retries_total', values)
}

/** Those of RFC 9110, PATCH (RFC 5789) and QUERY; what else a client makes up is one. */
const METHODS: ReadonlySet<string> = new Set(
  'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY'.split(' '),
)

const methodOf = (method: string): string => (METHODS.has(method) ? method : '_OTHER')

/** The upstream of a request is known once a circuit breaker has named it: so it is asked for when read. */
function activeByUpstream(active: ReadonlySet<EventRequest>): Reading[] {
  const counts = new Map<string, number>()
  for (const { upstream = '' } of active) counts.set(upstream, (counts.get(upstream) ?? 0) + 1)
  return [...counts].map(([upstream, count]) => [{ upstream }, count] as const)
}

const STATES: readonly CircuitState[] = ['closed', 'open', 'half_open', 'held']

/** No key of a circuit is a label: where there are keys, the circuits in a state are counted. */
function circuitStates(): Reading[] {
  const counts = new Map<string, Map<CircuitState, number>>()
  for (const { name, state, held } of breakers.list()) {
    const of = counts.get(name) ?? new Map<CircuitState, number>()
    const open = state === 'half-open' ? 'half_open' : state
    const now = held ? 'held' : open
    counts.set(name, of.set(now, (of.get(now) ?? 0) + 1))
  }
  return [...counts].flatMap(([circuit, of]) =>
    STATES.map((state) => [{ circuit, state }, of.get(state) ?? 0] as const),
  )
}
