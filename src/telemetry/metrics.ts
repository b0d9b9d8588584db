/** What a series can be told apart by. A path, a key of a circuit or a text of a client never is. */
export const labels = [
  'method',
  'route',
  'status',
  'code',
  'by',
  'upstream',
  'circuit',
  'state',
  'to',
  'fleet',
  'result',
  'version',
] as const
export type Label = (typeof labels)[number]

/** The values of the labels that are known where something is counted. */
export type Values = Readonly<Partial<Record<Label, string>>>

/** One metric: what it is called behind the prefix, and what it tells. */
export interface Metric {
  readonly type: 'counter' | 'histogram' | 'gauge'
  readonly labels: readonly Label[]
  readonly help: string
}

/** Counters and histograms are fed by events; gauges are read when somebody asks. Times are seconds. */
// prettier-ignore
export const metrics = {
  requests_total: { type: 'counter', labels: ['method', 'route', 'status', 'code', 'by'], help: 'Requests that are over, by what was answered and who answered.' },
  request_duration_seconds: { type: 'histogram', labels: ['route', 'by'], help: 'Time from the request to the end of its response.' },
  overhead_seconds: { type: 'histogram', labels: ['route'], help: 'Time from the head of the upstream to the head of the gateway.' },
  requests_active: { type: 'gauge', labels: ['upstream'], help: 'Requests that are under way.' },
  upstream_requests_total: { type: 'counter', labels: ['upstream', 'status', 'code'], help: 'Calls to upstreams that are over.' },
  upstream_connect_seconds: { type: 'histogram', labels: ['upstream'], help: 'Time until a connection to the upstream stood, TLS included.' },
  upstream_first_byte_seconds: { type: 'histogram', labels: ['upstream'], help: 'Time until the head of the upstream was there.' },
  upstream_duration_seconds: { type: 'histogram', labels: ['upstream'], help: 'Time until the call to the upstream was over.' },
  circuit_state: { type: 'gauge', labels: ['circuit', 'state'], help: 'Circuits in this state: 1 or 0, or how many where a circuit has keys.' },
  circuit_transitions_total: { type: 'counter', labels: ['circuit', 'to'], help: 'Changes of the state of a circuit.' },
  circuit_refusals_total: { type: 'counter', labels: ['circuit', 'code'], help: 'Requests that a circuit did not let through.' },
  fallbacks_total: { type: 'counter', labels: ['circuit', 'code'], help: 'Requests that a fallback was asked to answer, by the failure.' },
  retries_total: { type: 'counter', labels: ['upstream'], help: 'Calls that were made again for the same request.' },
  reports_total: { type: 'counter', labels: ['route', 'code'], help: 'Violations that validate has only reported.' },
  fleet_connected: { type: 'gauge', labels: ['fleet'], help: 'Whether this process is joined to its fleet.' },
  fleet_messages_total: { type: 'counter', labels: ['fleet', 'result'], help: 'Messages of the fleet, by what became of them.' },
  info: { type: 'gauge', labels: ['version'], help: 'The version of good-gateway.' },
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof metrics
/** Those that are read; the others are fed. */
export type GaugeName = {
  [Name in MetricName]: (typeof metrics)[Name]['type'] extends 'gauge' ? Name : never
}[MetricName]

export const isGauge = (name: MetricName): name is GaugeName => metrics[name].type === 'gauge'

/** Upper bounds of the buckets in seconds: those of OpenTelemetry's conventions for HTTP. */
export const BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
