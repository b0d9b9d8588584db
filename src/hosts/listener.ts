import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  type AnyConnectMiddleware,
  answerOutside,
  exchangeOfRequest,
  runMiddleware,
} from './connect.js'
import { exchangeOf } from '../exchange/exchange.js'
import { ownStep, runStep } from './host.js'

/** What stands at the end: the existing proxy. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/**
 * Composes middlewares and a handler into a listener for `http.createServer`, and answers the
 * errors that reach it.
 *
 * @throws {TypeError} when the last argument is no function, or another is none.
 * @example
 * http.createServer(listener(problemDetails(), circuitBreaker({ name: 'orders' }), (req, res) => proxy.web(req, res)))
 */
export function listener(...parts: readonly [...AnyConnectMiddleware[], Handler]): RequestListener {
  const { middlewares, handler } = split<Handler>('listener', '(req, res)', parts)
  const step = ownStep(handler)
  const run = runnerOf(middlewares)
  return (req, res) => {
    const carrier = { req, res }
    // Our own `forward` needs no answers of its own: what it throws, those before it answer.
    run(carrier, () =>
      step ? runStep(step, exchangeOfRequest(carrier), nothing) : handler(req, res),
    )
  }
}

const nothing = (): Promise<void> => Promise.resolve()

/** Tells the middlewares from the handler behind them. */
export function split<Last>(
  name: string,
  parameters: string,
  parts: readonly unknown[],
): { middlewares: AnyConnectMiddleware[]; handler: Last } {
  const last = parts.at(-1)
  if (
    (ownStep(last) !== undefined && !ownStep(last)?.answers) ||
    parts.some((part) => typeof part !== 'function') ||
    last === undefined
  ) {
    throw new TypeError(`${name}: pass middlewares, then the handler ${parameters} => …`)
  }
  return {
    middlewares: parts.slice(0, -1) as AnyConnectMiddleware[],
    handler: parts.at(-1) as Last,
  }
}

type Carrier = { readonly req: IncomingMessage; readonly res: ServerResponse }
type Run = (carrier: Carrier, next: () => Promise<unknown>) => Promise<unknown>

/** Our own are run without the detour over `next(error)`: it would cost three promises for each. */
function runOf(middleware: AnyConnectMiddleware): Run {
  const step = ownStep(middleware)
  if (step === undefined) return (carrier, next) => runMiddleware(middleware, carrier, next)
  return (carrier, next) => runStep(step, exchangeOfRequest(carrier), next)
}

/** Runs middlewares and what stands behind them, and answers the errors that reach it. */
export function runnerOf(
  middlewares: readonly AnyConnectMiddleware[],
): (carrier: Carrier, handle: () => unknown) => void {
  const runs = middlewares.map(runOf)
  return (carrier, handle) => {
    const run = (index: number): Promise<unknown> => {
      try {
        return runs[index]?.(carrier, () => run(index + 1)) ?? resultOf(handle())
      } catch (error) {
        return Promise.reject(error as Error)
      }
    }
    run(0).catch((error: unknown) => answerOutside(exchangeOf(carrier), error))
  }
}

/** A promise for what a handler gives; that of a handler which gives one is used as it is. */
const resultOf = (result: unknown): Promise<unknown> => Promise.resolve(result)
