export { openTelemetry, type OpenTelemetryOptions } from './telemetry/open-telemetry.js'
export type { OpenTelemetryApi } from './telemetry/open-telemetry-api.js'
