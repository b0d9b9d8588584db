import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import type * as Http from '@opentelemetry/instrumentation-http'
import type * as Undici from '@opentelemetry/instrumentation-undici'
import type * as SdkMetrics from '@opentelemetry/sdk-metrics'
import type * as SdkTrace from '@opentelemetry/sdk-trace-node'

/** The parts of version 3, which has another package for spans. */
type SdkTrace3 = Pick<typeof SdkTrace, 'InMemorySpanExporter' | 'SimpleSpanProcessor'> & {
  readonly TracerProvider: typeof SdkTrace.BasicTracerProvider
}
interface Parts {
  readonly AsyncLocalStorageContextManager: new () => Api.ContextManager
  readonly W3CTraceContextPropagator: new () => Api.TextMapPropagator
}

/** The SDK of OpenTelemetry as an application starts it, from a folder that has it installed. */
export interface Tracing {
  readonly api: typeof Api
  spans(): SdkTrace.ReadableSpan[]
  metrics(): Promise<SdkMetrics.MetricData[]>
  stop(): Promise<void>
}

/** Starts the SDK, and has `http` and `fetch` traced. */
export function startTracing(from: string): Tracing {
  const require = createRequire(from)
  const api = require('@opentelemetry/api') as typeof Api
  const { exporter, provider } = startSpans(require, api)
  const sdk = require('@opentelemetry/sdk-metrics') as typeof SdkMetrics
  const measured = new sdk.InMemoryMetricExporter(sdk.AggregationTemporality.CUMULATIVE)
  const reader = new sdk.PeriodicExportingMetricReader({
    exporter: measured,
    exportIntervalMillis: 3_600_000,
  })
  const meters = new sdk.MeterProvider({ readers: [reader] })
  api.metrics.setGlobalMeterProvider(meters)
  const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http') as typeof Http
  const { UndiciInstrumentation } =
    require('@opentelemetry/instrumentation-undici') as typeof Undici
  const instrumentations = [new HttpInstrumentation(), new UndiciInstrumentation()]
  for (const each of instrumentations) {
    each.setTracerProvider(provider)
    each.setMeterProvider(meters)
    each.enable()
  }
  // The instrumentation changes a module when somebody requires it.
  require('http')
  require('https')
  return {
    api,
    spans: () => exporter.getFinishedSpans(),
    async metrics() {
      await reader.forceFlush()
      const last = measured.getMetrics().at(-1)
      return last?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
    },
    async stop() {
      for (const each of instrumentations) each.disable()
      await meters.shutdown()
      await provider.shutdown()
    },
  }
}

function startSpans(require: NodeJS.Require, api: typeof Api) {
  let sdk: typeof SdkTrace
  try {
    sdk = require('@opentelemetry/sdk-trace-node') as typeof SdkTrace
  } catch {
    return startSpans3(require, api)
  }
  const exporter = new sdk.InMemorySpanExporter()
  const provider = new sdk.NodeTracerProvider({
    spanProcessors: [new sdk.SimpleSpanProcessor(exporter)],
  })
  provider.register()
  return { exporter, provider }
}

function startSpans3(require: NodeJS.Require, api: typeof Api) {
  const sdk = require('@opentelemetry/sdk-trace') as SdkTrace3
  const exporter = new sdk.InMemorySpanExporter()
  const processor = Reflect.construct(sdk.SimpleSpanProcessor, [
    // The constructor takes an object in version 3.
    Object.assign(exporter, { exporter }),
  ]) as SdkTrace.SpanProcessor
  const provider = new sdk.TracerProvider({ spanProcessors: [processor] })
  const contexts = require('@opentelemetry/context-async-hooks') as Parts
  const { W3CTraceContextPropagator } = require('@opentelemetry/core') as Parts
  api.context.setGlobalContextManager(new contexts.AsyncLocalStorageContextManager().enable())
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  api.trace.setGlobalTracerProvider(provider)
  return { exporter, provider }
}
