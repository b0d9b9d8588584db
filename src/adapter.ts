import { circuitBreaking } from './breaker/circuit-breaker.js'
import type { Breaker } from './breaker/circuit.js'
import type { Action } from './breaker/fire.js'
import type { CircuitBreakerOptions } from './breaker/options.js'
import type { Exchange, Step } from './exchange/exchange.js'
import type { ProblemDetailsOptions } from './problem/options.js'
import { type ProblemPagesOptions, problemPaging } from './problem/pages.js'
import { problemDetailing } from './problem/problem-details.js'
import type { HostTraits } from './problem/unhandled.js'
import { type RouteTable, routing, type RoutesOptions } from './routing/routes.js'

export type { RouteTable } from './routing/routes.js'
import { type OpenApiOptions, openApiRoutes } from './validation/openapi.js'
import type { ValidateOptions } from './validation/options.js'
import type { Valid } from './validation/types.js'
import { type Parts, type Schemas, validation } from './validation/validate.js'

/** How a host shapes its middlewares: all that differs between hosts. */
export interface Host<Middleware, Given, Routable> {
  /** Turns a step into a middleware of the host. */
  middlewareOf(step: Step): Middleware
  /** Turns a middleware of the host, ours or another, into a step. */
  stepOf(middleware: Routable): Step
  /** The exchange of what the host passes to its handlers, when a middleware has seen it. */
  exchangeOf(given: Given): Exchange | undefined
  /** What else the middlewares must know of it. */
  readonly traits?: HostTraits
}

/** The middlewares, in the shape of one host. */
export interface Middlewares<Middleware, Given, Routable> {
  /**
   * Answers every failure below it with the standard body; mount it first.
   *
   * @throws {TypeError} when an option is wrong.
   * @example
   * app.use(problemDetails({ onError: (error, { problem }) => log.warn({ problem, error }) }))
   */
  problemDetails(options?: ProblemDetailsOptions): Middleware
  /**
   * Serves a page for each code, so that `type` can lead to what it means.
   *
   * @throws {TypeError} when an option is wrong.
   * @example
   * app.use(problemDetails({ typeBase: '/problems/' }))
   * app.use(problemPages({ path: '/problems/' }))
   */
  problemPages(options?: ProblemPagesOptions): Middleware
  /**
   * Checks the parts of a request against JSON Schemas, and leaves its body unread for the proxy.
   *
   * @throws {TypeError} when a schema does not compile or an option is wrong.
   * @example
   * const order = validate({ body: orderSchema }) // typed by the schema, or validate<{ body: Order }>(…)
   * router.post('/orders', order, (ctx) => save(order.valid(ctx).body))
   */
  validate<Types extends Parts = never, const S extends Schemas = Schemas>(
    schemas: S,
    options?: ValidateOptions,
  ): Middleware & Checked<Given, Valid<Types, S>>
  /**
   * Keeps a circuit breaker and deadlines around the upstream calls of the middlewares after it.
   *
   * @throws {TypeError} when an option is wrong, or the name is taken with other options.
   * @example
   * app.use(circuitBreaker({ name: 'orders', timeout: 5_000 }))
   */
  circuitBreaker(options: CircuitBreakerOptions): Middleware & Guarded
  readonly routes: Routes<Middleware, Routable>
}

/** The function `routes`, and its way to make a table. */
export interface Routes<Middleware, Routable> {
  /**
   * Runs middlewares for the routes of a table: for a gateway that has no router.
   *
   * @throws {TypeError} when a route is wrong, or two of them match the same requests.
   * @example
   * app.use(routes({ 'POST /orders': [validate({ body: orderSchema }), circuitBreaker({ name: 'orders' })] }))
   */
  (table: RouteTable<Routable>, options?: RoutesOptions): Middleware
  /**
   * Checks requests against an OpenAPI 3.0 or 3.1 document: an object, or JSON or YAML text.
   *
   * @throws {TypeError} in one line that names the place in the document and the mend.
   * @example
   * app.use(routes.fromOpenAPI(readFileSync('openapi.yaml', 'utf8'), { otherwise: 'refuse' }))
   */
  fromOpenAPI(document: object | string, options?: RoutesOptions & OpenApiOptions): Middleware
}

/** What a `validate` middleware knows of the requests that have passed it. */
export interface Checked<Given, Types = Parts> {
  /**
   * The parsed parts of a request that has passed.
   *
   * @throws {TypeError} when it has not.
   */
  valid(given: Given): Types
}

/** What a `circuitBreaker` middleware shows of its circuit. */
export interface Guarded {
  /** The opossum instance, for reading and for its events. */
  readonly breaker: Breaker
  /**
   * Makes another call of the application (fetch, axios, a database) inside of the same circuit, with
   * a signal of its own that aborts it on a timeout or when the client of its request leaves.
   *
   * @throws {GatewayError} `circuit_open`, `concurrency_limit`, `upstream_timeout`, or what broke the
   *   call; `client_closed_request` when it was aborted from outside.
   * @example
   * const stock = await inventory.fire((signal) => fetch(url, { signal }))
   */
  fire<T>(action: Action<T>): Promise<T>
}

/** Gives the middlewares the shape of a host. */
export function adaptTo<
  Middleware extends object,
  Given,
  Routable extends (...args: never[]) => unknown,
>(host: Host<Middleware, Given, Routable>): Middlewares<Middleware, Given, Routable> {
  /** The middlewares that check bodies, which a table of routes must know. */
  const checksBody = new WeakSet<object>()
  const routed = (middleware: Routable): Step =>
    Object.assign(host.stepOf(middleware), { checksBody: checksBody.has(middleware) })
  return {
    problemDetails: (options) => host.middlewareOf(problemDetailing(options, host.traits)),
    problemPages: (options) => host.middlewareOf(problemPaging(options)),
    validate<Types extends Parts, const S extends Schemas>(schemas: S, options?: ValidateOptions) {
      const { step, valid } = validation(schemas, options)
      const middleware = host.middlewareOf(step)
      if (step.checksBody) checksBody.add(middleware)
      return Object.assign(middleware, {
        // The schema, or the user's word, tells the type.
        valid: (given: Given) => valid(host.exchangeOf(given)) as Valid<Types, S>,
      })
    },
    circuitBreaker(options) {
      const circuit = circuitBreaking(options)
      const middleware = host.middlewareOf(circuit.step) as Middleware & Guarded
      return Object.defineProperties(middleware, {
        breaker: { get: () => circuit.breaker },
        fire: { value: circuit.fire },
      })
    },
    routes: routesOf(host, routed),
  }
}

function routesOf<Middleware extends object, Given, Routable extends (...args: never[]) => unknown>(
  host: Host<Middleware, Given, Routable>,
  stepOf: (middleware: Routable) => Step,
): Routes<Middleware, Routable> {
  const routes = (table: RouteTable<Routable>, options?: RoutesOptions) =>
    host.middlewareOf(routing(table, options, stepOf))
  return Object.assign(routes, {
    fromOpenAPI(document: object | string, options: RoutesOptions & OpenApiOptions = {}) {
      const table = openApiRoutes(document, options).map(({ key, step }) => [key, step] as const)
      const { otherwise = 'pass' } = options
      return host.middlewareOf(routing(Object.fromEntries(table), { otherwise }, itself))
    },
  })
}

const itself = (step: Step): Step => step
