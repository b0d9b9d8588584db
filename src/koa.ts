import type { IncomingMessage, ServerResponse } from 'node:http'
import { adaptTo, type Checked, type Guarded, type Routes, type RouteTable } from './adapter.js'
import { type Exchange, exchangeOf, knownExchange, type Step } from './exchange/exchange.js'
import type { Parts } from './validation/validate.js'

/** A Koa context, as far as the middlewares need one. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  params?: Readonly<Record<string, string>>
}

/**
 * A Koa middleware; fits Koa's own type, and that of its routers.
 *
 * It takes any context: Koa adds what a middleware asks for to the type of the application, and
 * `new Koa().use(problemDetails())` is to stay a plain `Koa`.
 */
export type KoaMiddleware = (ctx: object, next: () => Promise<unknown>) => Promise<void>

/** Any middleware of Koa, whatever it wants of its context: as a method, because those are compared loosely. */
export type AnyKoaMiddleware = {
  use(ctx: KoaContext, next: () => Promise<unknown>): unknown
}['use']

/** The middleware of `validate`. */
export type KoaValidate<Valid extends Parts = Parts> = KoaMiddleware & Checked<KoaContext, Valid>
/** The middleware of `circuitBreaker`. */
export type KoaCircuitBreaker = KoaMiddleware & Guarded
/** The table of `routes`. */
export type KoaRoutes = RouteTable<AnyKoaMiddleware>

/** Koa's middlewares get a context, which a step knows nothing of. */
const contexts = new WeakMap<Exchange, KoaContext>()

/** Keeps the name of the step: stack traces and `DEBUG=koa*` show it. */
function middlewareOf(step: Step): KoaMiddleware {
  const middleware: KoaMiddleware = (ctx, next) => {
    const context = ctx as KoaContext
    // Express and the like call it with a request and a response.
    if (context.req === undefined || typeof next !== 'function')
      throw new TypeError(
        `${step.name} of good-gateway/koa was called without a context; import it from good-gateway/express or good-gateway`,
      )
    const exchange = exchangeOf(context)
    contexts.set(exchange, context)
    return step(exchange, next)
  }
  return Object.defineProperty(middleware, 'name', { value: step.name })
}

function stepOf(middleware: AnyKoaMiddleware): Step {
  return async (exchange, next) => {
    const ctx = contexts.get(exchange)
    if (ctx === undefined) throw new Error('A route of Koa was run outside of Koa.')
    ctx.params = exchange.params
    await middleware(ctx, next)
  }
}

const koa = adaptTo({
  middlewareOf,
  stepOf,
  exchangeOf: (ctx: KoaContext) => knownExchange(ctx.req),
})

/** Answers every failure below it with the standard body; mount it first. See `Middlewares`. */
export const problemDetails: typeof koa.problemDetails = koa.problemDetails
/** Serves a page for each code, so that `type` can lead to it. See `Middlewares`. */
export const problemPages: typeof koa.problemPages = koa.problemPages
/** Checks requests against JSON Schemas, and leaves the body unread. See `Middlewares`. */
export const validate: typeof koa.validate = koa.validate
/** Keeps a circuit breaker and deadlines around the upstream calls after it. See `Middlewares`. */
export const circuitBreaker: typeof koa.circuitBreaker = koa.circuitBreaker
/** Runs middlewares for the routes of a table. See `Middlewares`. */
export const routes: Routes<KoaMiddleware, AnyKoaMiddleware> = koa.routes
