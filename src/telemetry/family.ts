import { warnOnce } from '../common/warn.js'
import type { Reading } from './measure.js'
import type { Label, Metric, Values } from './metrics.js'

/** One number, in the form that the clients of Prometheus know. */
export interface Sample {
  /** The name with the suffix of a histogram. */
  readonly metricName: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** All that is told of one metric. */
export interface Told {
  readonly name: string
  readonly help: string
  readonly type: Metric['type']
  /** How those of several processes become one. */
  readonly aggregator: 'sum' | 'first'
  readonly values: readonly Sample[]
}

/** All series of one metric. */
export abstract class Family<Series> {
  /** The clients change it: that of a counter has no suffix in OpenMetrics. */
  name: string
  readonly help: string
  readonly type: Metric['type']
  readonly aggregator: 'sum' | 'first'
  readonly #labels: readonly Label[]
  readonly #most: number
  readonly #series = new Map<string, readonly [labels: Sample['labels'], series: Series]>()

  constructor(name: string, { type, help, labels }: Metric, most: number) {
    this.name = name
    this.type = type
    this.help = help
    this.aggregator = labels.includes('version') ? 'first' : 'sum'
    this.#labels = labels
    this.#most = most
  }

  protected abstract start(): Series
  protected abstract samples(name: string, labels: Sample['labels'], series: Series): Sample[]

  /** The series of these labels; those that are too many share one. */
  protected seriesOf(values: Values): Series {
    const key = keyOf(this.#labels, values)
    const known = this.#series.get(key)
    if (known) return known[1]
    if (this.#series.size < this.#most - 1 || key === keyOf(this.#labels, OTHER))
      return this.#add(key, values)
    warnOnce(
      this,
      `${this.name} has ${this.#most} series; what would be one more is counted as "_other"`,
    )
    return this.seriesOf(OTHER)
  }

  #add(key: string, values: Values): Series {
    const labels = Object.fromEntries(this.#labels.map((label) => [label, values[label] ?? '']))
    const series = this.start()
    this.#series.set(key, [labels, series])
    return series
  }

  /** What a registry asks for. */
  get(): Told {
    const { name, help, type, aggregator } = this
    const values = [...this.#series.values()].flatMap(([labels, series]) =>
      this.samples(name, labels, series),
    )
    return { name, help, type, aggregator, values }
  }

  /** Forgets all series. */
  reset(): void {
    this.#series.clear()
  }
}

const OTHER: Values = {
  method: '_other',
  route: '_other',
  status: '_other',
  code: '_other',
  by: '_other',
  upstream: '_other',
  circuit: '_other',
  state: '_other',
  to: '_other',
  fleet: '_other',
  result: '_other',
  version: '_other',
}

/** A character that is in no value keeps the values apart. */
function keyOf(labels: readonly Label[], values: Values): string {
  let key = ''
  for (const label of labels) key += `${values[label] ?? ''}\0`
  return key
}

/** One number for each series. */
export class Counter extends Family<{ value: number }> {
  add(values: Values, amount: number): void {
    this.seriesOf(values).value += amount
  }

  protected start(): { value: number } {
    return { value: 0 }
  }

  protected samples(
    name: string,
    labels: Sample['labels'],
    { value }: { value: number },
  ): Sample[] {
    return [{ metricName: name, labels, value }]
  }
}

/** Numbers that are read when somebody asks. */
export class Gauge extends Counter {
  readonly #read: () => readonly Reading[]

  constructor(name: string, metric: Metric, most: number, read: () => readonly Reading[]) {
    super(name, metric, most)
    this.#read = read
  }

  override get(): Told {
    this.reset()
    for (const [values, value] of this.#read()) this.add(values, value)
    return super.get()
  }
}

/** How many times were in each bucket. */
interface Distribution {
  /** One more than the bounds: the last is for what is above all of them. */
  readonly counts: number[]
  sum: number
}

/** Times in buckets. */
export class Histogram extends Family<Distribution> {
  readonly #bounds: readonly number[]

  constructor(name: string, metric: Metric, most: number, bounds: readonly number[]) {
    super(name, metric, most)
    this.#bounds = bounds
  }

  add(values: Values, seconds: number): void {
    const distribution = this.seriesOf(values)
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && seconds > (bounds[at] ?? Infinity)) at++
    distribution.counts[at] = (distribution.counts[at] ?? 0) + 1
    distribution.sum += seconds
  }

  protected start(): Distribution {
    return { counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 }
  }

  protected samples(name: string, labels: Sample['labels'], series: Distribution): Sample[] {
    const metricName = `${name}_bucket`
    let value = 0
    const buckets = series.counts.map((count, at) => {
      value += count
      const le = at < this.#bounds.length ? String(this.#bounds[at]) : '+Inf'
      return { metricName, labels: { ...labels, le }, value }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: series.sum },
      { metricName: `${name}_count`, labels, value },
    ]
  }
}
