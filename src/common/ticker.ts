import { AsyncResource } from 'node:async_hooks'
import { warnThrew } from './callback.js'

/** Something whose time is looked at now and then. */
export interface Ticking {
  /** @param now - milliseconds of the monotonic clock. */
  tick(now: number): void
  /** Its place in the list of its ticker; the ticker's own. */
  slot: number
}

/**
 * One timer for many deadlines: a timer for each would cost more than the request that it guards.
 *
 * A deadline is found late by one interval at most. The timer runs while there is something to look at.
 */
export class Ticker {
  readonly #interval: number
  readonly #items: Ticking[] = []
  #timer: NodeJS.Timeout | undefined

  /** @param interval - milliseconds. */
  constructor(interval: number) {
    this.#interval = interval
  }

  add(item: Ticking): void {
    item.slot = this.#items.push(item) - 1
    // Started inside of a request, the timer would hold the context of that request.
    this.#timer ??= outside.runInAsyncScope(() =>
      setInterval(() => this.#tick(), this.#interval).unref(),
    )
  }

  remove(item: Ticking): void {
    if (this.#items[item.slot] !== item) return
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#items[item.slot] = last
    last.slot = item.slot
  }

  #tick(): void {
    if (this.#items.length === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    const now = performance.now()
    // From the end, so that one that removes itself makes no other be left out.
    for (let at = this.#items.length - 1; at >= 0; at--) lookAt(this.#items[at], now)
  }
}

/** What throws in a timer would end the process, and keep the others from their turn. */
function lookAt(item: Ticking | undefined, now: number): void {
  try {
    item?.tick(now)
  } catch (error) {
    warnThrew('a deadline', error)
  }
}

/** Made when the package is loaded, before there is any request. */
const outside = new AsyncResource('good-gateway')

/** The part of a time by which it may be found late. */
const PRECISION = 8
const SHORTEST = 5
const LONGEST = 250

const tickers = new Map<number, Ticker>()

/** The ticker for times of at least `shortest` milliseconds. */
export function tickerFor(shortest: number): Ticker {
  const wanted = Math.min(Math.max(shortest / PRECISION, SHORTEST), LONGEST)
  // Few different ones, so that they are shared.
  const interval = SHORTEST * 2 ** Math.floor(Math.log2(wanted / SHORTEST))
  const ticker = tickers.get(interval) ?? new Ticker(interval)
  tickers.set(interval, ticker)
  return ticker
}
