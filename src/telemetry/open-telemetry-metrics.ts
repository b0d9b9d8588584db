import { version } from '../common/version.js'
import { measure, type Reading } from './measure.js'
import {
  BUCKETS,
  type GaugeName,
  type Label,
  type MetricName,
  metrics,
  type Values,
} from './metrics.js'
import type { Attributes, Meter, Observe, OpenTelemetryApi } from './open-telemetry-api.js'

/** What a metric is called by the conventions of OpenTelemetry, and what tells its measurements apart. */
interface Instrument {
  readonly name: string
  readonly unit: string
  readonly labels: readonly Label[]
}

/** Counts of what is measured anyway are left out: a histogram has them. */
// prettier-ignore
const INSTRUMENTS: Readonly<Partial<Record<MetricName, Instrument>>> = {
  request_duration_seconds: { name: 'request.duration', unit: 's', labels: ['method', 'route', 'status', 'code', 'by'] },
  overhead_seconds: { name: 'request.overhead', unit: 's', labels: ['route'] },
  requests_active: { name: 'request.active', unit: '{request}', labels: ['upstream'] },
  upstream_connect_seconds: { name: 'upstream.connect.duration', unit: 's', labels: ['upstream'] },
  upstream_first_byte_seconds: { name: 'upstream.first_byte.duration', unit: 's', labels: ['upstream'] },
  upstream_duration_seconds: { name: 'upstream.request.duration', unit: 's', labels: ['upstream', 'status', 'code'] },
  circuit_state: { name: 'circuit.state', unit: '{circuit}', labels: ['circuit', 'state'] },
  circuit_transitions_total: { name: 'circuit.transitions', unit: '{transition}', labels: ['circuit', 'to'] },
  circuit_refusals_total: { name: 'circuit.refusals', unit: '{request}', labels: ['circuit', 'code'] },
  fallbacks_total: { name: 'fallbacks', unit: '{request}', labels: ['circuit', 'code'] },
  retries_total: { name: 'upstream.retries', unit: '{request}', labels: ['upstream'] },
  reports_total: { name: 'reports', unit: '{report}', labels: ['route', 'code'] },
  fleet_connected: { name: 'fleet.connected', unit: '{member}', labels: ['fleet'] },
  fleet_messages_total: { name: 'fleet.messages', unit: '{message}', labels: ['fleet', 'result'] },
}

/** The attributes: those of the conventions where there are some. */
const ATTRIBUTES: Readonly<Record<Label, string>> = {
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
  code: 'good_gateway.code',
  by: 'good_gateway.answered_by',
  upstream: 'good_gateway.upstream.name',
  circuit: 'good_gateway.circuit.name',
  state: 'good_gateway.circuit.state',
  to: 'good_gateway.circuit.state',
  fleet: 'good_gateway.fleet.name',
  result: 'good_gateway.fleet.result',
  version: 'good_gateway.version',
}

/** Records what is measured with the instruments of a meter; returns how to stop. */
export function recordMetrics(api: OpenTelemetryApi): () => void {
  const meter = api.metrics.getMeter('good-gateway', version)
  const record = new Map<MetricName, (values: Values, amount: number) => void>()
  const { gauges, stop } = measure((metric, values, amount = 1) =>
    record.get(metric)?.(values, amount),
  )
  const stops = [stop]
  for (const [metric, instrument] of Object.entries(INSTRUMENTS)) {
    const name = metric as MetricName
    if (isRead(name, gauges)) stops.push(observe(meter, name, instrument, gauges[name]))
    else record.set(name, recorder(meter, name, instrument))
  }
  return () => {
    for (const each of stops) each()
  }
}

const isRead = (name: MetricName, gauges: object): name is GaugeName => name in gauges

const optionsOf = (metric: MetricName, { unit }: Instrument) => ({
  unit,
  description: metrics[metric].help,
})

function recorder(
  meter: Meter,
  metric: MetricName,
  instrument: Instrument,
): (values: Values, amount: number) => void {
  const { labels } = instrument
  const name = `good_gateway.${instrument.name}`
  const options = optionsOf(metric, instrument)
  if (metrics[metric].type === 'counter') {
    const counter = meter.createCounter(name, options)
    return (values, amount) => counter.add(amount, attributesOf(labels, values))
  }
  const advice = { explicitBucketBoundaries: [...BUCKETS] }
  const histogram = meter.createHistogram(name, { ...options, advice })
  return (values, amount) => histogram.record(amount, attributesOf(labels, values))
}

function observe(
  meter: Meter,
  metric: GaugeName,
  instrument: Instrument,
  read: () => readonly Reading[],
): () => void {
  const { labels } = instrument
  const counter = meter.createObservableUpDownCounter(
    `good_gateway.${instrument.name}`,
    optionsOf(metric, instrument),
  )
  const callback: Observe = (result) => {
    for (const [values, value] of read()) result.observe(value, attributesOf(labels, values))
  }
  counter.addCallback(callback)
  return () => counter.removeCallback(callback)
}

/** What is not known is left out; `error.type` is what the span says, too. */
function attributesOf(labels: readonly Label[], values: Values): Attributes {
  const attributes: Attributes = {}
  for (const label of labels) {
    const value = values[label] ?? ''
    if (value !== '') attributes[ATTRIBUTES[label]] = label === 'status' ? Number(value) : value
  }
  if (labels.includes('status') && values.code && isError(values))
    attributes['error.type'] = values.code
  return attributes
}

/** As the span: from 500 on, where a head of less was followed by a failure, and where there was none. */
const isError = ({ status = '', code }: Values): boolean =>
  !(Number(status) >= 400 && Number(status) < 500) && code !== 'client_closed_request'
