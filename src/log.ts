export { type LogOptions, logProblems } from './telemetry/log.js'
export type { ProblemLogger } from './telemetry/loggers.js'
