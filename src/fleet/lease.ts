import type { Reply } from './link.js'
import type { Row } from './row.js'

/** Milliseconds that a lease lasts: a member that dies keeps no other from probing for longer. */
const LASTS = 2000
const RENEWED_EVERY = 700
/** Milliseconds after which a lease is renewed no more, however slow the probe is. */
const LONGEST = 30_000
/** Milliseconds for which a member that was denied does not ask again: the other may give it back. */
const DENIED_FOR = 500
/** Who has probed last lets others go first, by this part of the wait, and at most this long. */
const YIELD = 0.1
const LONGEST_YIELD = 1000

/** What a lease needs of its member. */
interface Lessor {
  readonly isJoined: boolean
  readonly isBusy: boolean
  readonly leaseTimeout: number
  run(action: string, id: string, ...args: readonly (string | number)[]): Promise<Reply>
  read(text: string | undefined): Row | undefined
  told(result: string): void
}

/** What a lease needs of its circuit. */
interface Leased {
  seen(): number
  /** Whether its circuit still wants to probe. */
  isWanted(): boolean
  /** The circuit knows less than the store. */
  stale(row: Row): void
}

/** The permission to send the one probe of the fleet. */
export class Lease {
  readonly #id: string
  readonly #lessor: Lessor
  readonly #leased: Leased
  #isOurs = false
  #renewal: NodeJS.Timeout | undefined
  /** Until then another member probes. */
  #askAgainAt = 0

  constructor(id: string, lessor: Lessor, leased: Leased) {
    this.#id = id
    this.#lessor = lessor
    this.#leased = leased
  }

  /** Whether this member probes; without a store that answers in time, it does. */
  async ask(): Promise<boolean> {
    const { isJoined, isBusy, leaseTimeout } = this.#lessor
    if (!isJoined || isBusy) return true
    if (performance.now() < this.#askAgainAt) return false
    let timer: NodeJS.Timeout | undefined
    const alone = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => {
        this.#lessor.told('lease_late')
        resolve(true)
      }, leaseTimeout).unref()
    })
    const answer = await Promise.race([this.#asked(), alone])
    clearTimeout(timer)
    return answer
  }

  async #asked(): Promise<boolean> {
    try {
      const { word, rest } = await this.#take()
      this.#lessor.told(word === 'ok' ? 'leased' : word)
      if (word === 'ok') this.#keep()
      if (word === 'denied')
        this.#askAgainAt = performance.now() + Math.min(Number(rest[0]), DENIED_FOR)
      const row = word === 'stale' ? this.#lessor.read(rest[0]) : undefined
      if (row) this.#leased.stale(row)
      return word === 'ok' || word === 'late'
    } catch {
      return true
    }
  }

  #take(): Promise<Reply> {
    return this.#lessor.run('lease', this.#id, this.#leased.seen(), LASTS)
  }

  #keep(): void {
    this.#isOurs = true
    // It may have come too late.
    if (!this.#leased.isWanted()) return this.free()
    clearInterval(this.#renewal)
    const until = performance.now() + LONGEST
    this.#renewal = setInterval(() => {
      if (!this.#leased.isWanted() || performance.now() > until) this.over()
      else if (!this.#lessor.isBusy) this.#take().catch(() => {})
    }, RENEWED_EVERY).unref()
  }

  /** The probe has failed: the next time, others go first. */
  failed(until: number, wait: number): void {
    const wasOurs = this.#isOurs
    this.over()
    if (wasOurs) this.#askAgainAt = until + Math.min(wait * YIELD, LONGEST_YIELD)
  }

  /** It is used up. */
  over(): void {
    clearInterval(this.#renewal)
    this.#isOurs = false
    this.#askAgainAt = 0
  }

  /** Gives it to others. */
  free(): void {
    if (!this.#isOurs) return
    this.over()
    // Where there is no room for the command, the lease ends by itself.
    if (!this.#lessor.isBusy) this.#lessor.run('free', this.#id).catch(() => {})
  }
}
