import { AsyncResource } from 'node:async_hooks'
import { warnThrew } from './callback.js'

/** Something whose time is looked at now and then. */
export interface Ticking {
  /** @param now - milliseconds of the ticker's clock. */
  tick(now: number): void
  /** Its place in the list of its ticker; the ticker's own. */
  slot: number
}

/**
 * One timer for many deadlines: a timer for each would cost more than the request that it guards.
 *
 * A deadline is found late by one interval at most. The timer runs while there is something to look at.
 * Its clock stands still while the process does (a long collection of garbage, a machine that is busy):
 * what has arrived in that time was not read yet, and is nobody's silence.
 */
export class Ticker {
  readonly #interval: number
  readonly #items: Ticking[] = []
  #timer: NodeJS.Timeout | undefined
  #now = 0
  #lookedAt = 0

  /** @param interval - milliseconds. */
  constructor(interval: number) {
    this.#interval = interval
  }

  /** Milliseconds of its clock, which says nothing but how much time goes by. */
  get now(): number {
    return this.#now + this.#elapsed()
  }

  add(item: Ticking): void {
    item.slot = this.#items.push(item) - 1
    if (this.#timer) return
    this.#lookedAt = performance.now()
    // Started inside of a request, the timer would hold the context of that request.
    this.#timer = outside.runInAsyncScope(() =>
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

  #elapsed(): number {
    return Math.min(performance.now() - this.#lookedAt, LONGEST_STEP * this.#interval)
  }

  #tick(): void {
    if (this.#items.length === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    this.#now += this.#elapsed()
    this.#lookedAt = performance.now()
    // From the end, so that one that removes itself makes no other be left out.
    for (let at = this.#items.length - 1; at >= 0; at--) lookAt(this.#items[at], this.#now)
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

/** In intervals; more between two looks is time in which the process stood still. */
const LONGEST_STEP = 1.5

/** Made when the package is loaded, before there is any request. */
const outside = new AsyncResource('good-gateway')

/** The part of a time by which it may be found late. */
const PRECISION = 8
const SHORTEST = 5
const LONGEST = 250

const byInterval = new Map<number, Ticker>()
/** By the time that was asked for: those of the options, which are few. */
const byTime = new Map<number, Ticker>()

/** The ticker for times of at least `shortest` milliseconds. */
export function tickerFor(shortest: number): Ticker {
  const known = byTime.get(shortest)
  if (known) return known
  const wanted = Math.min(Math.max(shortest / PRECISION, SHORTEST), LONGEST)
  // Few different ones, so that they are shared.
  const interval = SHORTEST * 2 ** Math.floor(Math.log2(wanted / SHORTEST))
  const ticker = byInterval.get(interval) ?? new Ticker(interval)
  byInterval.set(interval, ticker)
  byTime.set(shortest, ticker)
  return ticker
}
