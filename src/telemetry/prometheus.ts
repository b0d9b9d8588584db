import { type Check, checkedOptions, count } from '../common/options.js'
import { CONTENT_TYPE, exposition } from './exposition.js'
import { Counter, Gauge, Histogram } from './family.js'
import { measure } from './measure.js'
import { BUCKETS, isGauge, type Metric, type MetricName, metrics } from './metrics.js'

/** A registry of prom-client, @platformatic/prom-client or @prometheus-io/client, as far as it is used. */
export interface MetricsRegistry {
  registerMetric(metric: never): unknown
  removeSingleMetric(name: string): unknown
}

/** Options of `prometheus`. */
export interface PrometheusOptions {
  /** A registry that shall show the metrics too, with all that the process has else. */
  readonly registry?: MetricsRegistry
  /** What all names begin with. @defaultValue `'good_gateway_'` */
  readonly prefix?: string
  /** Upper bounds of the buckets of all times, in seconds, in ascending order. @defaultValue those of OpenTelemetry's conventions, 0.005 to 10 */
  readonly buckets?: readonly number[]
  /** Most series of a metric; what would be one more is counted as `_other`. @defaultValue `2000` */
  readonly mostSeries?: number
}

/** Metrics that are being counted. */
export interface PrometheusMetrics {
  /** All metrics in the text format of Prometheus. */
  text(): string
  /** The media type of that text. */
  readonly contentType: string
  /** Stops counting, and takes the metrics out of the registry. */
  stop(): void
}

const isName = (value: unknown): boolean =>
  typeof value === 'string' && /^(?:[a-z_:][\w:]*)?$/i.test(value)
const isBuckets = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(
    (bound: unknown, at) =>
      typeof bound === 'number' && Number.isFinite(bound) && !(bound <= (value[at - 1] ?? 0)),
  )
const isRegistry = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ['registerMetric', 'removeSingleMetric'].every(
    (name) => typeof Reflect.get(value, name) === 'function',
  )

// prettier-ignore
const CHECKS: Record<keyof PrometheusOptions, Check> = {
  registry: [isRegistry, 'a registry of prom-client, @platformatic/prom-client or @prometheus-io/client'],
  prefix: [isName, 'the beginning of a name: letters, digits, "_" and ":"'],
  buckets: [isBuckets, 'a list of seconds above 0 in ascending order'],
  mostSeries: count,
}

/**
 * Counts requests, calls, circuits and problems for Prometheus, from now on and for the whole process.
 *
 * @throws {TypeError} when an option is wrong.
 * @throws {Error} when the registry has a metric of the same name: it is mounted twice.
 * @example
 * const metrics = prometheus()
 * app.get('/metrics', (req, res) => res.type(metrics.contentType).send(metrics.text()))
 */
export function prometheus(options: PrometheusOptions = {}): PrometheusMetrics {
  const settings = {
    prefix: 'good_gateway_',
    buckets: BUCKETS,
    mostSeries: 2000,
    ...checkedOptions('prometheus', options, CHECKS),
  }
  const { registry } = settings
  const { families, stop } = start(settings)
  // OpenMetrics takes the suffix off the names of counters, later.
  const names = families.map(({ name }) => name)
  const remove = () => names.forEach((name) => registry?.removeSingleMetric(name))
  try {
    // The clients' types want classes of their own; they use nothing else of them.
    for (const family of families) registry?.registerMetric(family as never)
  } catch (error) {
    stop()
    throw error
  }
  return {
    text: () => exposition(families.map((family) => family.get())),
    contentType: CONTENT_TYPE,
    stop() {
      stop()
      remove()
    },
  }
}

interface Settings {
  readonly prefix: string
  readonly buckets: readonly number[]
  readonly mostSeries: number
}

type AnyFamily = Counter | Histogram

function start({ prefix, buckets, mostSeries }: Settings): {
  families: AnyFamily[]
  stop: () => void
} {
  const families = new Map<MetricName, AnyFamily>()
  const { gauges, stop } = measure((metric, values, amount = 1) =>
    families.get(metric)?.add(values, amount),
  )
  const familyOf = (name: MetricName): AnyFamily => {
    const metric: Metric = metrics[name]
    if (isGauge(name)) return new Gauge(prefix + name, metric, mostSeries, gauges[name])
    if (metric.type === 'counter') return new Counter(prefix + name, metric, mostSeries)
    return new Histogram(prefix + name, metric, mostSeries, buckets)
  }
  for (const name of Object.keys(metrics) as MetricName[]) families.set(name, familyOf(name))
  return { families: [...families.values()], stop }
}
