import type { Routes } from './adapter.js'
import { type AnyConnectMiddleware, connect, type ConnectMiddleware } from './connect.js'

export { breakers, type CircuitEntry } from './breaker/registry.js'
export type { Breaker } from './breaker/circuit.js'
export type { Action } from './breaker/fire.js'
export type { CircuitBreakerOptions, Fallback, Outcome } from './breaker/options.js'
export type { Cause, Code } from './errors/codes.js'
export { GatewayError, type GatewayErrorOptions, type Issue } from './errors/gateway-error.js'
export type { Exchange } from './exchange/exchange.js'
export type { Format, FormatFunction } from './problem/formats.js'
export type { ErrorInfo, LowLevelError, Timings } from './problem/info.js'
export type { ProblemDetailsOptions } from './problem/options.js'
export type { ProblemPagesOptions } from './problem/pages.js'
export type { Problem } from './problem/problem.js'
export type { RoutesOptions } from './routing/routes.js'
export type { OpenApiOptions } from './validation/openapi.js'
export type { ValidateOptions } from './validation/options.js'
export type { ResponseSchemas } from './validation/response.js'
export type { Parts, Schemas } from './validation/validate.js'
export type {
  AnyConnectMiddleware,
  ConnectCircuitBreaker,
  ConnectMiddleware,
  ConnectRoutes,
  ConnectValidate,
} from './connect.js'
export { listener } from './listener.js'
export { upgradeListener, type UpgradeHandler, type UpgradeListener } from './upgrade.js'

/** Answers every failure below it with the standard body; mount it first. See `Middlewares`. */
export const problemDetails: typeof connect.problemDetails = connect.problemDetails
/** Serves a page for each code, so that `type` can lead to it. See `Middlewares`. */
export const problemPages: typeof connect.problemPages = connect.problemPages
/** Checks requests against JSON Schemas, and leaves the body unread. See `Middlewares`. */
export const validate: typeof connect.validate = connect.validate
/** Keeps a circuit breaker and deadlines around the upstream calls after it. See `Middlewares`. */
export const circuitBreaker: typeof connect.circuitBreaker = connect.circuitBreaker
/** Runs middlewares for the routes of a table. See `Middlewares`. */
export const routes: Routes<ConnectMiddleware, AnyConnectMiddleware> = connect.routes
