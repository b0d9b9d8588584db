export {
  type AnyConnectMiddleware as AnyExpressMiddleware,
  circuitBreaker,
  type ConnectCircuitBreaker as ExpressCircuitBreaker,
  type ConnectForward as ExpressForward,
  type ConnectMiddleware as ExpressMiddleware,
  type ConnectRoutes as ExpressRoutes,
  type ConnectValidate as ExpressValidate,
  forward,
  plainPaths,
  problemDetails,
  problemPages,
  routes,
  transform,
  validate,
} from './hosts/connect.js'
export { members, type Members, type MembersOptions } from './transform/members.js'
