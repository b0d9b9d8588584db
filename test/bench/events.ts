// What the events of one request cost: its start, its head, the end of its call and its own end.
import { Writable } from 'node:stream'
import process from 'node:process'
import * as api from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { logProblems } from 'good-gateway/log'
import { openTelemetry } from 'good-gateway/opentelemetry'
import { prometheus } from 'good-gateway/prometheus'
import { pino } from 'pino'
import { tellCallEnd, tellUnended } from '../../src/exchange/call-event.js'
import { tellEnd, tellProblem, tellStart, type Told } from '../../src/exchange/tell.js'
import { type Gate, stampHead } from '../../src/response/gate.js'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { median } from './statistics.js'

const ROUNDS = 15

/** A request that has passed, as far as the events look at it. */
function passed(): { exchange: Told; call: Parameters<typeof tellCallEnd>[0]; gate: Gate } {
  const res = { headersSent: true, statusCode: 200, writableFinished: true, writableEnded: true }
  const req = { method: 'GET', headers: {}, socket: {}, httpVersionMajor: 1 }
  const gate = {
    req,
    res: { ...res, prependOnceListener() {} },
    phase: 'passed',
  } as unknown as Gate
  const now = performance.now()
  const call = {
    startedAt: now,
    connectedAt: now + 0.1,
    answeredAt: now + 1,
    endedAt: now + 2,
    state: 'complete',
    status: 200,
    attempt: 1,
  }
  const exchange = {
    req,
    res: gate.res,
    url: '/orders/1',
    route: '/orders/:id',
    upstream: 'orders',
    response: gate,
    origin: { by: 'upstream', call },
    calls: { deciding: call },
  } as unknown as Told
  return { exchange, call: { ...call, owner: exchange } as never, gate }
}

function request({ exchange, call, gate }: ReturnType<typeof passed>): void {
  tellStart(exchange)
  stampHead(gate)
  tellCallEnd(call)
  tellUnended(call, true)
  tellEnd(exchange)
}

/** Nanoseconds of processor time for each turn: the median, and the least. */
function measured(turns: number, work: () => void): string {
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage()
    for (let turn = 0; turn < turns; turn++) work()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / turns
  })
  return `${median(times).toFixed(0)} ns (least ${Math.min(...times).toFixed(0)})`
}

const one = passed()
const go = () => request(one)
const error = new GatewayError('upstream_refused', { cause: new Error('connect ECONNREFUSED') })
const fail = () => {
  one.exchange.problem = undefined
  tellProblem(one.exchange, error)
}

console.log(
  `no listener: ${measured(5_000_000, go)} a request, ${measured(2_000_000, fail)} a problem`,
)

const metrics = prometheus()
console.log(`prometheus: ${measured(200_000, go)} a request, ${measured(50_000, fail)} a problem`)
metrics.stop()

const log = logProblems(pino(new Writable({ write: (_chunk, _encoding, done) => done() })))
console.log(`log: ${measured(200_000, go)} a request, ${measured(50_000, fail)} a problem`)
log.stop()

new NodeTracerProvider().register()
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
const tracer = api.trace.getTracer('bench')
const traced = (work: () => void) => () => {
  const span = tracer.startSpan('bench')
  api.context.with(api.trace.setSpan(api.ROOT_CONTEXT, span), work)
  span.end()
}
console.log(
  `a span alone: ${measured(
    50_000,
    traced(() => {}),
  )} a request`,
)
const telemetry = openTelemetry(api)
console.log(`opentelemetry, its span included: ${measured(50_000, traced(go))} a request`)
const all = [prometheus(), logProblems(pino(new Writable({ write: (_c, _e, done) => done() })))]
console.log(`all three, the span included: ${measured(50_000, traced(go))} a request`)
for (const { stop } of [...all, telemetry]) stop()
process.exit()
