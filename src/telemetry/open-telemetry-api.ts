/** The part of `@opentelemetry/api` that is used, so that nobody needs its types who does not use it. */
export interface OpenTelemetryApi {
  readonly trace: { getActiveSpan(): Span | undefined }
  readonly context: { active(): { getValue(key: symbol): unknown } }
  readonly metrics: { getMeter(name: string, version?: string): Meter }
  readonly SpanStatusCode: { readonly ERROR: number }
}

/** A span, as far as it is written on. */
export interface Span {
  spanContext(): { readonly traceId: string; readonly spanId: string }
  isRecording(): boolean
  setAttribute(name: string, value: string | number | boolean): unknown
  setStatus(status: { code: number; message?: string }): unknown
}

/** Names and values that tell measurements apart. */
export type Attributes = Record<string, string | number>

/** What makes instruments. */
export interface Meter {
  createCounter(name: string, options?: InstrumentOptions): Counter
  createHistogram(name: string, options?: InstrumentOptions): Histogram
  createObservableUpDownCounter(name: string, options?: InstrumentOptions): Observable
}

interface InstrumentOptions {
  description?: string
  unit?: string
  advice?: { explicitBucketBoundaries?: number[] }
}

interface Counter {
  add(value: number, attributes?: Attributes): void
}

interface Histogram {
  record(value: number, attributes?: Attributes): void
}

/** Told when somebody collects. */
export type Observe = (result: { observe(value: number, attributes?: Attributes): void }) => void

interface Observable {
  addCallback(callback: Observe): void
  removeCallback(callback: Observe): void
}
