import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Breaker } from '../circuit/circuit.js'
import type { CircuitBreakerStep } from '../breaker/circuit-breaker.js'
import type { Action } from '../breaker/fire.js'
import type { Exchange } from '../exchange/exchange.js'
import { callStep, type Step } from '../exchange/step.js'
import type { ForwardStep } from '../forward/forward.js'
import { GatewayError } from '../errors/gateway-error.js'
import { isListenedTo, tellProblem } from '../exchange/tell.js'
import { routesStep, type RoutesOptions, tableStep } from '../routing/routes.js'
import type { RouteTable } from '../routing/table.js'
import type { Health } from '../telemetry/health.js'
import type { StatusPage } from '../telemetry/status/status-page.js'
import { type OpenApiOptions, openApiRoutes } from '../validation/openapi/openapi.js'
import type { Parts, Validation } from '../validation/validate.js'

/** How a host shapes its middlewares: all that differs between hosts. */
export interface Host<Middleware, Given, Routable> {
  /** Turns a step into a middleware of the host. */
  middlewareOf(step: Step): Middleware
  /** Turns a foreign middleware of the host into a step. */
  stepOf(middleware: Routable): Step
  /** The exchange of what the host passes to its handlers, when a middleware has seen it. */
  exchangeOf(given: Given): Exchange | undefined
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
export interface CircuitBreakerHandle {
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

/** What a `forward` middleware has besides. */
export interface ForwardHandle {
  /**
   * Sends on a request for another protocol, such as a WebSocket: the last argument of `upgradeListener`.
   *
   * @example
   * server.on('upgrade', upgradeListener(problemDetails(), proxy.upgrade))
   */
  readonly upgrade: (req: IncomingMessage, socket: Socket, head: Buffer) => Promise<void>
  /** Takes no more requests, and ends its connections once what is under way is over. */
  close(): Promise<unknown>
}

/** What a `health` middleware is told of the server. */
export interface HealthHandle {
  /**
   * The server is about to stop: from now on its readiness is 503 `gateway_shutting_down`, so that a
   * load balancer sends no new requests. Those that still come are answered as before.
   */
  drain(): void
}

/** What a `statusPage` middleware can be told. */
export interface StatusPageHandle {
  /** Collects no more, and ends the streams of events; the page itself still answers. */
  stop(): void
}

/** The function `routes`, and its way to make a table. */
export interface Routes<Middleware, Routable, Given> {
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
   * @throws {TypeError} in one line that names the place in the document and the fix.
   * @example
   * app.use(routes.fromOpenAPI(readFileSync('openapi.yaml', 'utf8'), { otherwise: 'refuse' }))
   */
  fromOpenAPI(
    document: object | string,
    options?: RoutesOptions & OpenApiOptions,
  ): Middleware & Checked<Given>
}

/** Runs a step; what a middleware refuses that works alone is told to those who listen to events. */
export function runStep(
  step: Step,
  exchange: Exchange,
  next: () => Promise<unknown>,
): Promise<void> {
  // What it resolves to, nobody reads; another promise that resolves to nothing would cost time.
  const ended = callStep(step, exchange, next) as Promise<void>
  if (exchange.hasProblemDetails || !isListenedTo()) return ended
  return ended.catch((error: unknown) => thrown(exchange, error))
}

/** Nobody else tells what a middleware refuses that works alone: the host answers it. */
function thrown(exchange: Exchange, error: unknown): never {
  if (GatewayError.is(error) && !exchange.hasProblemDetails) tellProblem(exchange, error)
  throw error
}

/** The step that a middleware of this package was made of. */
const STEP = Symbol.for('good-gateway.step')
type Branded = { readonly [STEP]?: Step }

/** Marks a middleware as made of a step; it keeps its name, which stack traces and `DEBUG` show. */
export function brand<Middleware extends object>(middleware: Middleware, step: Step): Middleware {
  return Object.defineProperties(middleware, {
    name: { value: step.name },
    [STEP]: { value: step },
  })
}

/** The step of a middleware of this package; undefined for every other value. */
export function ownStep(middleware: unknown): Step | undefined {
  return typeof middleware === 'function' ? (middleware as Branded)[STEP] : undefined
}

/** The middleware of a validation, with the way to its parsed parts. */
export function validateOn<Middleware extends object, Given, Types>(
  { middlewareOf, exchangeOf }: Pick<Host<Middleware, Given, never>, 'middlewareOf' | 'exchangeOf'>,
  { step, valid }: Validation,
): Middleware & Checked<Given, Types> {
  return Object.assign(middlewareOf(step), {
    // The schema, or the user's word, tells the type.
    valid: (given: Given) => valid(exchangeOf(given)) as Types,
  })
}

/** The middleware of a circuit breaker, with the way to its circuit. */
export function circuitBreakerOn<Middleware extends object>(
  { middlewareOf }: Pick<Host<Middleware, never, never>, 'middlewareOf'>,
  circuit: CircuitBreakerStep,
): Middleware & CircuitBreakerHandle {
  return Object.defineProperties(middlewareOf(circuit.step), {
    breaker: { get: () => circuit.breaker },
    fire: { value: circuit.fire },
  }) as Middleware & CircuitBreakerHandle
}

/** The middleware of a `forward`, with the way to end it. */
export function forwardOn<Middleware extends object>(
  { middlewareOf }: Pick<Host<Middleware, never, never>, 'middlewareOf'>,
  { step, upgrade, close }: ForwardStep,
): Middleware & ForwardHandle {
  return Object.assign(middlewareOf(step), { upgrade, close })
}

/** The middleware of `health`, with the way to its end. */
export function healthOn<Middleware extends object>(
  { middlewareOf }: Pick<Host<Middleware, never, never>, 'middlewareOf'>,
  { step, drain }: Health,
): Middleware & HealthHandle {
  return Object.assign(middlewareOf(step), { drain })
}

/** The middleware of `statusPage`, with the way to its end. */
export function statusPageOn<Middleware extends object>(
  { middlewareOf }: Pick<Host<Middleware, never, never>, 'middlewareOf'>,
  { step, stop }: StatusPage,
): Middleware & StatusPageHandle {
  return Object.assign(middlewareOf(step), { stop })
}

/** The function `routes` of a host. */
export function routesOn<
  Middleware extends object,
  Given,
  Routable extends (...args: never[]) => unknown,
>(host: Host<Middleware, Given, Routable>): Routes<Middleware, Routable, Given> {
  const stepOf = (middleware: Routable): Step => ownStep(middleware) ?? host.stepOf(middleware)
  const routes = (table: RouteTable<Routable>, options?: RoutesOptions) =>
    host.middlewareOf(routesStep(table, options, stepOf))
  return Object.assign(routes, {
    fromOpenAPI(document: object | string, options: RoutesOptions & OpenApiOptions = {}) {
      const { routes: list, matrix, valid } = openApiRoutes(document, options)
      const { otherwise, encodedSlashes, methodOverride } = options
      const settings = { otherwise, encodedSlashes, methodOverride, whole: true, matrix }
      const table = Object.fromEntries(list.map(({ key, step }) => [key, step] as const))
      return validateOn<Middleware, Given, Parts>(host, {
        step: tableStep(table, settings, itself),
        valid,
      })
    },
  })
}

const itself = (step: Step): Step => step
