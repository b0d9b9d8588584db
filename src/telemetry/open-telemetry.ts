import { bool, type Check, checkedOptions } from '../common/options.js'
import { recordMetrics } from './open-telemetry-metrics.js'
import type { OpenTelemetryApi } from './open-telemetry-api.js'
import { traceProblems } from './open-telemetry-traces.js'

/** Options of `openTelemetry`. */
export interface OpenTelemetryOptions {
  /** Whether the spans of the server say what went wrong. @defaultValue `true` */
  readonly traces?: boolean
  /** Whether requests, calls and circuits are measured. @defaultValue `true` */
  readonly metrics?: boolean
}

const CHECKS: Record<keyof OpenTelemetryOptions, Check> = { traces: bool, metrics: bool }

/**
 * Says on the spans of the server what went wrong, and measures requests, calls and circuits, from now
 * on and for the whole process. Call it once the SDK is started; without one it does nothing.
 *
 * @param api - The object of `@opentelemetry/api`, the same that the SDK uses.
 * @throws {TypeError} when it is another object, or an option is wrong.
 * @example
 * import * as api from '@opentelemetry/api'
 * openTelemetry(api)
 */
export function openTelemetry(
  api: OpenTelemetryApi,
  options: OpenTelemetryOptions = {},
): { stop(): void } {
  const settings = {
    traces: true,
    metrics: true,
    ...checkedOptions('openTelemetry', options, CHECKS),
  }
  check(api, settings)
  const stops = [
    ...(settings.traces ? [traceProblems(api)] : []),
    ...(settings.metrics ? [recordMetrics(api)] : []),
  ]
  return {
    stop() {
      for (const stop of stops) stop()
    },
  }
}

function check(api: OpenTelemetryApi, { metrics }: Required<OpenTelemetryOptions>): void {
  const given: Partial<OpenTelemetryApi> | undefined = api
  if (typeof given?.trace?.getActiveSpan !== 'function' || given.context === undefined)
    throw new TypeError(
      "openTelemetry: pass the object of @opentelemetry/api, 1.4 or later: import * as api from '@opentelemetry/api'",
    )
  if (metrics && typeof given.metrics?.getMeter !== 'function')
    throw new TypeError(
      'openTelemetry: this @opentelemetry/api has no metrics; update it, or pass { metrics: false }',
    )
}
