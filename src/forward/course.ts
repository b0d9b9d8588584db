import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Mounted, Target } from './mounted.js'
import { answerFor, type Plan, planAfter, type Seen } from './plan.js'
import type { RequestBody } from './request-body.js'

/** How far a request has come along its targets. */
export class Course {
  readonly #exchange: Exchange
  readonly #mounted: Mounted
  readonly #body: RequestBody
  #at = 0
  /** How often it was sent again to this target. */
  #retries = 0
  #before: GatewayError | undefined

  constructor(exchange: Exchange, mounted: Mounted, body: RequestBody) {
    this.#exchange = exchange
    this.#mounted = mounted
    this.#body = body
  }

  get target(): Target {
    return this.#mounted.targets[this.#at] as Target
  }

  /** The answer for the failure of the target before this one. */
  get before(): GatewayError | undefined {
    return this.#before
  }

  /** Whether there is a target behind this one. */
  get hasNext(): boolean {
    return this.#at + 1 < this.#mounted.targets.length
  }

  /** Whether there would be another attempt. */
  get hasOther(): boolean {
    return this.hasNext || this.#retries < this.#mounted.settings.retries
  }

  /** What is done after an attempt; undefined where that was the last one. */
  plan(seen: Seen, isRefused = false): Plan | undefined {
    const plan = planAfter(seen, this.#exchange, this.#mounted, {
      at: this.#at,
      // An open circuit is not asked again.
      retries: isRefused ? Infinity : this.#retries,
      isWhole: this.#body.isWhole,
    })
    if (plan?.what === 'next') this.#before = answerFor(seen, this.#exchange)
    return plan
  }

  take({ what }: Plan): void {
    if (what === 'retry') this.#retries++
    if (what !== 'next') return
    this.#at++
    this.#retries = 0
  }
}
