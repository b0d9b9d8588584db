export {
  type AnyConnectMiddleware as AnyExpressMiddleware,
  circuitBreaker,
  type ConnectCircuitBreaker as ExpressCircuitBreaker,
  type ConnectHealth as ExpressHealth,
  type ConnectMiddleware as ExpressMiddleware,
  type ConnectRoutes as ExpressRoutes,
  type ConnectStatusPage as ExpressStatusPage,
  type ConnectValidate as ExpressValidate,
  health,
  plainPaths,
  problemDetails,
  problemPages,
  routes,
  transform,
  statusPage,
  validate,
} from './hosts/connect.js'
export { members, type Members, type MembersOptions } from './transform/members.js'
