import type { IncomingMessage, ServerResponse } from 'node:http'
import { adaptTo, type Checked, type Guarded, type RouteTable } from './adapter.js'
import { type Exchange, exchangeOf, knownExchange, type Step } from './exchange/exchange.js'
import { warnOnce } from './errors/warn.js'
import { forHost } from './problem/thrown.js'
import type { Parts } from './validation/validate.js'

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
export type ConnectCircuitBreaker = ConnectMiddleware & Guarded
/** The table of `routes`. */
export type ConnectRoutes = RouteTable<AnyConnectMiddleware>

function middlewareOf(step: Step): ConnectMiddleware {
  const middleware: ConnectMiddleware = (req, res, next) => {
    // Koa calls it with a context and a function.
    if (next === undefined)
      throw new TypeError(
        `${step.name} of good-gateway was called without next; in Koa, import it from good-gateway/koa`,
      )
    const exchange = exchangeOf({ req, res, params: paramsOf(req) })
    const fail = (error: unknown) => {
      // With problemDetails above, the answer goes out at once and nobody prints a stack.
      if (exchange.guarded) return answerOutside(exchange, error)
      try {
        return next(error)
      } catch {
        // polka takes the code of an error for a status: from here, that would end the process.
        return answerOutside(exchange, error)
      }
    }
    step(exchange, async () => next()).catch(fail)
  }
  ours.add(middleware)
  return Object.defineProperty(middleware, 'name', { value: step.name })
}

const ours = new WeakSet<object>()

/** Whether a function is one of these middlewares, and so no handler. */
export const isOurs = (value: unknown): boolean => typeof value === 'function' && ours.has(value)

const told = new WeakSet<Exchange>()

/**
 * Answers an error that no host will see. A defect must not go by in silence; an outage of an
 * upstream need not be told for each request.
 */
export function answerOutside(exchange: Exchange, error: unknown): void {
  const answered = exchange.answer(error)
  if (answered.code !== 'gateway_error' || told.has(exchange)) return
  told.add(exchange)
  console.error(forHost(error, answered))
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

/** The middlewares in Connect's shape. */
export const connect = adaptTo({
  middlewareOf,
  stepOf,
  exchangeOf: knownExchange,
  traits: { pages: true },
})
