import type { IncomingMessage, ServerResponse } from 'node:http'
import { circuitBreakerStep } from '../breaker/circuit-breaker.js'
import type { CircuitBreakerOptions } from '../exchange/circuit-options.js'
import { exchangeOf, knownExchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import type { Carrier } from '../exchange/carrier.js'
import { forwardStep } from '../forward/forward.js'
import type { ForwardOptions } from '../forward/options.js'
import type { ProblemDetailsOptions } from '../problem/options.js'
import { type ProblemPagesOptions, problemPagesStep } from '../problem/pages.js'
import { problemDetailsStep } from '../problem/problem-details.js'
import { plainPathsStep } from '../routing/plain-paths.js'
import type { RouteTable } from '../routing/table.js'
import { type HealthOptions, healthStep } from '../telemetry/health.js'
import { type StatusPageOptions, statusPageStep } from '../telemetry/status/status-page.js'
import type { TransformOptions } from '../transform/options.js'
import { transformStep } from '../transform/transform.js'
import type { Transform } from '../transform/types.js'
import type { ValidateOptions } from '../validation/options.js'
import type { Covering, ValidParts } from '../validation/types.js'
import { type Parts, type Schemas, validateStep } from '../validation/validate.js'
import {
  brand,
  type Checked,
  type CircuitBreakerHandle,
  circuitBreakerOn,
  type ForwardHandle,
  forwardOn,
  type HealthHandle,
  healthOn,
  runStep,
  type StatusPageHandle,
  statusPageOn,
  validateOn,
} from './host.js'

/** A Koa context, as far as the middlewares need one. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  params?: Readonly<Record<string, string>>
  /** The request target before koa-mount has taken something off. */
  readonly originalUrl?: string
  /** What koa-mount has taken off. */
  readonly mountPath?: string
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
export type KoaCircuitBreaker = KoaMiddleware & CircuitBreakerHandle
/** The middleware of `forward`. */
export type KoaForward = KoaMiddleware & ForwardHandle
/** The middleware of `health`. */
export type KoaHealth = KoaMiddleware & HealthHandle
/** The middleware of `statusPage`. */
export type KoaStatusPage = KoaMiddleware & StatusPageHandle
/** The table of `routes`. */
export type KoaRoutes = RouteTable<AnyKoaMiddleware>

function middlewareOf(step: Step): KoaMiddleware {
  const middleware: KoaMiddleware = (ctx, next) => {
    const context = ctx as KoaContext
    // Express and the like call it with a request and a response.
    if (context.req === undefined || typeof next !== 'function')
      throw new TypeError(
        `${step.name} of good-gateway/koa was called without a context; import it from good-gateway/express or good-gateway`,
      )
    const exchange = exchangeOf(carrierOf(context))
    // A route may lead back to a middleware of Koa, which wants it.
    exchange.hostContext = context
    return runStep(step, exchange, () => {
      // For what is mounted behind a table of ours, as a router of Koa would.
      if (exchange.route !== undefined) context.params = exchange.params
      return next()
    })
  }
  return brand(middleware, step)
}

function carrierOf({ req, res, params, originalUrl, mountPath = '' }: KoaContext): Carrier {
  return { req, res, params, url: originalUrl, mountPath }
}

function stepOf(middleware: AnyKoaMiddleware): Step {
  return async (exchange, next) => {
    const ctx = exchange.hostContext as KoaContext | undefined
    if (ctx === undefined) throw new Error('A route of Koa was run outside of Koa.')
    ctx.params = exchange.params
    await middleware(ctx, next)
  }
}

/** How this host shapes its middlewares. @internal */
export const host = {
  middlewareOf,
  stepOf,
  exchangeOf: (ctx: KoaContext) => knownExchange(ctx.req),
}

/**
 * Answers every failure below it with the standard body; mount it first.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(problemDetails({ onError: (error, { problem }) => log.warn({ problem, error }) }))
 */
export function problemDetails(options?: ProblemDetailsOptions): KoaMiddleware {
  return middlewareOf(problemDetailsStep(options))
}

/**
 * Serves a page for each code, so that `type` can lead to what it means.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(problemDetails({ typeBase: '/problems/' }))
 * app.use(problemPages({ path: '/problems/' }))
 */
export function problemPages(options?: ProblemPagesOptions): KoaMiddleware {
  return middlewareOf(problemPagesStep(options))
}

/**
 * Checks the parts of a request against JSON Schemas, and leaves its body unread for the proxy.
 *
 * @throws {TypeError} when a schema does not compile or an option is wrong.
 * @example
 * const order = validate({ body: orderSchema }) // typed by the schema, or validate<{ body: Order }>(…)
 * router.post('/orders', order, (ctx) => save(order.valid(ctx).body))
 */
export function validate<Types extends Parts = never, const S extends Schemas = Schemas>(
  schemas: S & Covering<NoInfer<Types>>,
  options?: ValidateOptions,
): KoaMiddleware & Checked<KoaContext, ValidParts<NoInfer<Types>, S>> {
  return validateOn(host, validateStep(schemas, options))
}

/**
 * Keeps a circuit breaker and deadlines around the upstream calls of the middlewares after it.
 *
 * @throws {TypeError} when an option is wrong, or the name is taken with other options.
 * @example
 * app.use(circuitBreaker({ name: 'orders', timeout: 5_000 }))
 */
export function circuitBreaker(options: CircuitBreakerOptions): KoaCircuitBreaker {
  return circuitBreakerOn(host, circuitBreakerStep(options))
}

/**
 * Makes another request of each request, and another response of the one that it brings: method,
 * path, fields and body, and the events of a stream one by one. Mount it behind `validate` and before
 * `circuitBreaker`.
 *
 * @throws {TypeError} when the transform or an option is wrong.
 * @example
 * app.use(transform({ request: (r) => ({ path: '/v2' + r.path }) }))
 */
export function transform(transformation: Transform, options?: TransformOptions): KoaMiddleware {
  return middlewareOf(transformStep(transformation, options))
}

/**
 * Refuses paths that two readers would take for two routes, where another router than `routes` guards them.
 *
 * @example
 * app.use(problemDetails()).use(plainPaths())
 * router.post('/orders', validate({ body: orderSchema }))
 */
export function plainPaths(): KoaMiddleware {
  return middlewareOf(plainPathsStep())
}

/**
 * Sends requests to an upstream, and their responses back: a proxy for those who have none.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(forward({ target: 'http://orders:4000' }))
 */
export function forward(options: ForwardOptions): KoaForward {
  return forwardOn(host, forwardStep(options))
}

/**
 * Answers the probes of an orchestrator: `/livez` while the process runs, `/readyz` until `drain()`.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * const probes = health()
 * app.use(probes)
 * process.once('SIGTERM', () => probes.drain())
 */
export function health(options?: HealthOptions): KoaHealth {
  return healthOn({ middlewareOf }, healthStep(options))
}

/**
 * Shows the state of the gateway, its circuits first: a page, JSON, or server-sent events by `Accept`.
 * Without `authorize` it is for this machine only.
 *
 * @throws {TypeError} when an option is wrong, or there are `actions` without `authorize`.
 * @example
 * app.use(statusPage({ authorize: ({ req }) => isAdmin(req), actions: true }))
 */
export function statusPage(options?: StatusPageOptions): KoaStatusPage {
  return statusPageOn({ middlewareOf }, statusPageStep(options))
}
