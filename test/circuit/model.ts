import type { Settings } from '../../src/exchange/circuit-options.js'

/** A call that the model has let in. */
export interface Ticket {
  readonly probe: boolean
  readonly epoch: number
}

type Verdict = 'success' | 'failure' | 'neutral'

const MAX_WAIT = 300_000
const PROBE_TIME = 30_000
const FOREVER = 2 ** 31 - 1

/**
 * What a circuit should do, from the words of the documentation: a log of outcomes with their times,
 * no timers, no counters.
 */
export class Model {
  readonly #settings: Settings
  readonly #jitter: number
  readonly #start: number
  #log: { at: number; failed: boolean }[] = []
  #row = 0
  #openUntil: number | undefined
  #probe: { ticket: Ticket; until: number } | undefined
  #epoch = 0
  #inside = 0
  #openings = 0
  #closedAt: number | undefined

  constructor(settings: Settings, jitter: number, now: number) {
    this.#settings = settings
    this.#jitter = jitter
    this.#start = now
  }

  stateAt(now: number): 'closed' | 'open' | 'half-open' {
    if (this.#openUntil === undefined) return 'closed'
    return now < this.#openUntil ? 'open' : 'half-open'
  }

  retryAfter(now: number): number {
    const left = Math.max(0, (this.#openUntil ?? 0) - now)
    return Math.min(300, Math.max(1, Math.ceil(left / 1000)))
  }

  enter(now: number): Ticket | string {
    const state = this.stateAt(now)
    const probing = this.#probe !== undefined && now < this.#probe.until
    if (state === 'open' || (state === 'half-open' && probing)) return 'circuit_open'
    if (this.#inside >= this.#settings.capacity) return 'concurrency_limit'
    this.#inside++
    const ticket = { probe: state === 'half-open', epoch: this.#epoch }
    if (ticket.probe) this.#probe = { ticket, until: now + PROBE_TIME }
    return ticket
  }

  /** Returns whether the outcome came too late to matter. */
  report(ticket: Ticket, verdict: Verdict, wait: number | undefined, now: number): boolean {
    this.#inside--
    const isProbe = ticket === this.#probe?.ticket
    const closed = this.stateAt(now) === 'closed'
    if (ticket.epoch !== this.#epoch || (!closed && !isProbe)) return true
    if (verdict === 'neutral') {
      if (isProbe) this.#probe = undefined
      return false
    }
    if (closed) this.#count(verdict, wait, now)
    else if (verdict === 'success') this.close(now)
    else this.#open(wait, now)
    return false
  }

  #count(verdict: Verdict, wait: number | undefined, now: number): void {
    this.#log.push({ at: now, failed: verdict === 'failure' })
    this.#row = verdict === 'failure' ? this.#row + 1 : 0
    if (verdict === 'success') return
    const { consecutiveFailures, errorThresholdPercentage, volumeThreshold } = this.#settings
    const window = this.#log.filter(({ at }) => this.#slot(now) - this.#slot(at) < 10)
    const percentage = (100 * window.filter(({ failed }) => failed).length) / window.length
    const tooMany =
      window.length >= volumeThreshold &&
      (percentage > errorThresholdPercentage || percentage === 100)
    if (tooMany || (consecutiveFailures !== false && this.#row >= consecutiveFailures))
      this.#open(wait, now)
  }

  /** The window moves on by tenths. */
  #slot(at: number): number {
    return Math.floor((at - this.#start) / (this.#settings.rollingCountTimeout / 10))
  }

  #open(asked: number | undefined, now: number): void {
    const { resetTimeout, rollingCountTimeout } = this.#settings
    const calm = this.#closedAt !== undefined && now - this.#closedAt >= rollingCountTimeout
    if (calm) this.#openings = 0
    const doubled = Math.min(MAX_WAIT, resetTimeout * 2 ** this.#openings)
    const spread = this.#openings === 0 ? 1 : 0.8 + 0.4 * this.#jitter
    const own = Math.min(MAX_WAIT, Math.round(doubled * spread))
    this.#hold(asked === undefined ? own : Math.min(MAX_WAIT, Math.max(1000, asked)), now)
    this.#openings++
    this.#closedAt = undefined
  }

  #hold(wait: number, now: number): void {
    this.#openUntil = now + wait
    this.#epoch++
    this.#probe = undefined
    this.#row = 0
  }

  forceOpen(now: number): void {
    this.#hold(FOREVER, now)
  }

  close(now: number): void {
    if (this.#openUntil !== undefined) this.#closedAt = now
    this.#openUntil = undefined
    this.#probe = undefined
    this.#log = []
    this.#row = 0
  }
}
