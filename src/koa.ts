export {
  type AnyKoaMiddleware,
  circuitBreaker,
  forward,
  health,
  type KoaCircuitBreaker,
  type KoaContext,
  type KoaForward,
  type KoaHealth,
  type KoaMiddleware,
  type KoaRoutes,
  type KoaStatusPage,
  type KoaValidate,
  plainPaths,
  problemDetails,
  problemPages,
  statusPage,
  transform,
  validate,
} from './hosts/koa.js'
export { members, type Members, type MembersOptions } from './transform/members.js'
export { routes } from './hosts/koa-routes.js'
