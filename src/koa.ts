export {
  type AnyKoaMiddleware,
  circuitBreaker,
  type KoaCircuitBreaker,
  type KoaContext,
  type KoaMiddleware,
  type KoaRoutes,
  type KoaValidate,
  plainPaths,
  problemDetails,
  problemPages,
  routes,
  validate,
} from './hosts/koa.js'
