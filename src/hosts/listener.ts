import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AnyConnectMiddleware, answerOutside, runMiddleware } from './connect.js'
import { exchangeOf } from '../exchange/exchange.js'
import { ownStep } from './host.js'

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
  return (req, res) => runAll(middlewares, { req, res }, () => handler(req, res))
}

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

/** Runs middlewares and what stands behind them, and answers the errors that reach it. */
export function runAll(
  middlewares: readonly AnyConnectMiddleware[],
  carrier: { req: IncomingMessage; res: ServerResponse },
  handle: () => unknown,
): void {
  const run = async (index: number): Promise<void> => {
    const middleware = middlewares[index]
    if (middleware === undefined) await handle()
    else await runMiddleware(middleware, carrier, () => run(index + 1))
  }
  run(0).catch((error: unknown) => answerOutside(exchangeOf(carrier), error))
}
