import type { IncomingMessage, ServerResponse } from 'node:http'
import { circuitBreakerStep } from '../breaker/circuit-breaker.js'
import type { CircuitBreakerOptions } from '../exchange/circuit-options.js'
import { type Exchange, exchangeOf, knownExchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import type { Carrier } from '../exchange/carrier.js'
import { warnOnce } from '../common/warn.js'
import { forwardStep } from '../forward/forward.js'
import type { ForwardOptions } from '../forward/options.js'
import { openExchange } from '../observer/context.js'
import { forHost } from '../problem/thrown.js'
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

/**
 * A middleware of Connect's kind: for Express, polka, restana and, through `listener`, node:http.
 *
 * Its type says nothing of `params`: TypeScript would take the parameters of an Express route from
 * it instead of from the path.
 */
export type ConnectMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** Any such middleware, whatever its host has put on the request; compared loosely, as a method. */
export type AnyConnectMiddleware = {
  use(req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): unknown
}['use']

/** The middleware of `validate`. */
export type ConnectValidate<Valid extends Parts = Parts> = ConnectMiddleware &
  Checked<IncomingMessage, Valid>
/** The middleware of `circuitBreaker`. */
export type ConnectCircuitBreaker = ConnectMiddleware & CircuitBreakerHandle
/** What needs nothing after it. */
type ConnectEnd = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
) => void
/** The middleware of `forward`, which is also a handler by itself: `(req, res) => …`. */
export type ConnectForward = ConnectEnd & ForwardHandle
/** The middleware of `health`. */
export type ConnectHealth = ConnectMiddleware & HealthHandle
/** The middleware of `statusPage`. */
export type ConnectStatusPage = ConnectMiddleware & StatusPageHandle
/** The table of `routes`. */
export type ConnectRoutes = RouteTable<AnyConnectMiddleware>

function middlewareOf(step: Step): ConnectEnd {
  const middleware: ConnectEnd = (req, res, next) => {
    // Koa calls it with a context and a function.
    if (next === undefined && !(step.answers && res))
      throw new TypeError(
        `${step.name} of good-gateway was called without next; in Koa, import it from good-gateway/koa`,
      )
    const exchange = exchangeOfRequest({ req, res })
    const fail = (error: unknown) => {
      // With problemDetails above, the answer goes out at once and nobody prints a stack.
      if (exchange.hasProblemDetails || next === undefined)
        return answerOutside(openExchange(exchange), error)
      try {
        return next(error)
      } catch {
        // polka takes the code of an error for a status: from here, that would end the process.
        return answerOutside(exchange, error)
      }
    }
    runStep(step, exchange, async () => next?.()).catch(fail)
  }
  return brand(middleware, step)
}

/**
 * Answers an error that no host will see. A defect must not go by in silence; an outage of an
 * upstream need not be told for each request.
 */
export function answerOutside(exchange: Exchange, error: unknown): void {
  const answered = exchange.fail(error)
  if (answered.code !== 'gateway_error' || exchange.isDefectTold) return
  exchange.isDefectTold = true
  console.error(forHost(error, answered))
}

/** The exchange of a request, with what the host's routers have found. @internal */
export function exchangeOfRequest({ req, res }: Pick<Carrier, 'req' | 'res'>): Exchange {
  // Only Express tells what its routers have taken off the path.
  const { originalUrl: url, baseUrl: mountPath } = req as { originalUrl?: string; baseUrl?: string }
  return exchangeOf({ req, res, params: paramsOf(req), url, mountPath })
}

type Params = Readonly<Record<string, string>>

/** What the router of the host has found: Express 5 splits what a wildcard matches. */
function paramsOf(req: IncomingMessage): Params | undefined {
  const { params } = req as { params?: Readonly<Record<string, unknown>> }
  if (params === undefined || Object.values(params).every(isText)) return params as Params
  const texts = Object.entries(params).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join('/') : value,
  ])
  return Object.fromEntries(texts.filter(([, value]) => isText(value))) as Params
}

const isText = (value: unknown): boolean => typeof value === 'string'

/** Runs a middleware as a promise: settled by what comes after it, or pending when it answers itself. */
export function runMiddleware(
  middleware: AnyConnectMiddleware,
  { req, res }: { req: IncomingMessage; res: ServerResponse },
  next: () => Promise<unknown>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let called = false
    const done = (error?: unknown) => {
      if (called) return warnOnce(middleware, 'a middleware called next() twice; once is enough')
      called = true
      if (error === undefined || error === null) resolve(next())
      else reject(error)
    }
    void Promise.resolve(middleware(req, res, done)).catch(reject)
  })
}

const stepOf =
  (middleware: AnyConnectMiddleware): Step =>
  async ({ req, res, params }, next) => {
    await runMiddleware(middleware, { req: Object.assign(req, { params }), res }, next)
  }

/** How this host shapes its middlewares. @internal */
export const host = { middlewareOf, stepOf, exchangeOf: knownExchange }

/**
 * Answers every failure below it with the standard body; mount it first.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(problemDetails({ onError: (error, { problem }) => log.warn({ problem, error }) }))
 */
export function problemDetails(options?: ProblemDetailsOptions): ConnectMiddleware {
  return middlewareOf(problemDetailsStep(options, { pages: true }))
}

/**
 * Serves a page for each code, so that `type` can lead to what it means.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(problemDetails({ typeBase: '/problems/' }))
 * app.use(problemPages({ path: '/problems/' }))
 */
export function problemPages(options?: ProblemPagesOptions): ConnectMiddleware {
  return middlewareOf(problemPagesStep(options))
}

/**
 * Checks the parts of a request against JSON Schemas, and leaves its body unread for the proxy.
 *
 * @throws {TypeError} when a schema does not compile or an option is wrong.
 * @example
 * const order = validate({ body: orderSchema }) // typed by the schema, or validate<{ body: Order }>(…)
 * app.post('/orders', order, (req, res) => save(order.valid(req).body))
 */
export function validate<Types extends Parts = never, const S extends Schemas = Schemas>(
  schemas: S & Covering<NoInfer<Types>>,
  options?: ValidateOptions,
): ConnectMiddleware & Checked<IncomingMessage, ValidParts<NoInfer<Types>, S>> {
  return validateOn(host, validateStep(schemas, options))
}

/**
 * Keeps a circuit breaker and deadlines around the upstream calls of the middlewares after it.
 *
 * @throws {TypeError} when an option is wrong, or the name is taken with other options.
 * @example
 * app.use(circuitBreaker({ name: 'orders', timeout: 5_000 }))
 */
export function circuitBreaker(options: CircuitBreakerOptions): ConnectCircuitBreaker {
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
export function transform(
  transformation: Transform,
  options?: TransformOptions,
): ConnectMiddleware {
  return middlewareOf(transformStep(transformation, options))
}

/**
 * Refuses paths that two readers would take for two routes, where another router than `routes` guards them.
 *
 * @example
 * app.use(problemDetails(), plainPaths())
 * app.post('/orders', validate({ body: orderSchema }))
 */
export function plainPaths(): ConnectMiddleware {
  return middlewareOf(plainPathsStep())
}

/**
 * Sends requests to an upstream, and their responses back: a proxy for those who have none.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(forward({ target: 'http://orders:4000' }))
 */
export function forward(options: ForwardOptions): ConnectForward {
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
export function health(options?: HealthOptions): ConnectHealth {
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
export function statusPage(options?: StatusPageOptions): ConnectStatusPage {
  return statusPageOn({ middlewareOf }, statusPageStep(options))
}
