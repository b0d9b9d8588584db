export {
  type AnyConnectMiddleware as AnyExpressMiddleware,
  circuitBreaker,
  type ConnectCircuitBreaker as ExpressCircuitBreaker,
  type ConnectMiddleware as ExpressMiddleware,
  type ConnectRoutes as ExpressRoutes,
  type ConnectValidate as ExpressValidate,
  plainPaths,
  problemDetails,
  problemPages,
  routes,
  validate,
} from './hosts/connect.js'
