export {
  type MetricsRegistry,
  prometheus,
  type PrometheusMetrics,
  type PrometheusOptions,
} from './telemetry/prometheus.js'
