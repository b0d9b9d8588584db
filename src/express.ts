import type { Routes } from './adapter.js'
import { type AnyConnectMiddleware, connect, type ConnectMiddleware } from './connect.js'

export type {
  AnyConnectMiddleware as AnyExpressMiddleware,
  ConnectCircuitBreaker as ExpressCircuitBreaker,
  ConnectMiddleware as ExpressMiddleware,
  ConnectRoutes as ExpressRoutes,
  ConnectValidate as ExpressValidate,
} from './connect.js'

/** Answers every failure below it with the standard body; mount it first. See `Middlewares`. */
export const problemDetails: typeof connect.problemDetails = connect.problemDetails
/** Checks requests against JSON Schemas, and leaves the body unread. See `Middlewares`. */
export const validate: typeof connect.validate = connect.validate
/** Keeps a circuit breaker and deadlines around the upstream calls after it. See `Middlewares`. */
export const circuitBreaker: typeof connect.circuitBreaker = connect.circuitBreaker
/** Runs middlewares for the routes of a table. See `Middlewares`. */
export const routes: Routes<ConnectMiddleware, AnyConnectMiddleware> = connect.routes
/** Serves a page for each code, so that `type` can lead to the gateway itself. See `Middlewares`. */
export const problemPages: typeof connect.problemPages = connect.problemPages
