import type { Exchange } from './exchange.js'

/**
 * What every middleware is inside; the adapters of the entries turn it into their host's shape.
 *
 * Where nothing has to be awaited it is no `async` function: each promise costs time on every request.
 * So it may throw, and is called by `callStep`. `next` never throws; it gives a promise that rejects.
 */
export interface Step {
  (exchange: Exchange, next: () => Promise<unknown>): Promise<unknown>
  /** Whether it checks the body of each request, so that a route without bodies is no place for it. */
  readonly checksBody?: boolean
  /** Whether it answers by itself, so that nothing has to come after it. */
  readonly answers?: boolean
}

/** Runs a step; what it throws becomes a promise that rejects. */
export function callStep(
  step: Step,
  exchange: Exchange,
  next: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return step(exchange, next)
  } catch (error) {
    return Promise.reject(error as Error)
  }
}
