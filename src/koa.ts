export {
  type AnyKoaMiddleware,
  circuitBreaker,
  forward,
  type KoaCircuitBreaker,
  type KoaContext,
  type KoaForward,
  type KoaMiddleware,
  type KoaRoutes,
  type KoaValidate,
  plainPaths,
  problemDetails,
  problemPages,
  routes,
  transform,
  validate,
} from './hosts/koa.js'
export { members, type Members, type MembersOptions } from './transform/members.js'
