import { type AnyKoaMiddleware, host, type KoaContext, type KoaMiddleware } from './koa.js'
import { type Routes, routesOn } from './host.js'

// In a file of its own: a bundle without it has no reader of OpenAPI documents, and no ajv.

/** Runs middlewares for the routes of a table, or of an OpenAPI document. */
export const routes: Routes<KoaMiddleware, AnyKoaMiddleware, KoaContext> = routesOn(host)
