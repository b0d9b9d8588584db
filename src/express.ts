export {
  type AnyConnectMiddleware as AnyExpressMiddleware,
  circuitBreaker,
  type ConnectCircuitBreaker as ExpressCircuitBreaker,
  type ConnectForward as ExpressForward,
  type ConnectHealth as ExpressHealth,
  type ConnectMiddleware as ExpressMiddleware,
  type ConnectRoutes as ExpressRoutes,
  type ConnectStatusPage as ExpressStatusPage,
  type ConnectValidate as ExpressValidate,
  forward,
  health,
  plainPaths,
  problemDetails,
  problemPages,
  statusPage,
  transform,
  validate,
} from './hosts/connect.js'
export { members, type Members, type MembersOptions } from './transform/members.js'
export { routes } from './hosts/connect-routes.js'
