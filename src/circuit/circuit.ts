import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import { callBack } from '../common/callback.js'
import { Backoff } from './backoff.js'
import type { CircuitSettings } from './settings.js'

/** Leave to make one call; to be given back once. */
export interface Permit {
  /** The one call that decides about a half-open circuit. */
  readonly probe: boolean
  /** Which period between two openings it belongs to. */
  readonly period: number
}

/** Why a request was not let through. */
export type Refusal = 'circuit_open' | 'concurrency_limit'

/** What a call says about the upstream; neither of the two when it says nothing. */
export type Verdict = 'success' | 'failure' | 'neutral'

/** opossum, as far as users read it and listen to it. */
export interface Breaker extends EventEmitter {
  readonly name: string
  readonly opened: boolean
  readonly closed: boolean
  readonly halfOpen: boolean
  readonly stats: Readonly<Record<'fires' | 'successes' | 'failures', number>>
}

const BUCKETS = 10
/** Longest wait in milliseconds that clients are told; they obey it without a cap of their own. */
const LONGEST_TOLD = 300_000
/** Milliseconds after which a probe that no deadline ends makes room for another. */
const LONGEST_PROBE = 30_000

/**
 * One circuit: opossum holds the state and the statistics, this decides who may enter and reports
 * how it went. Fired around the call itself, opossum knows no neutral outcome, counts what it
 * refuses, and lets an answer from before the circuit opened close it.
 */
export class Circuit {
  /** Not in the published types: those of opossum are not there for users. @internal */
  readonly breaker: CircuitBreaker<Verdict>
  readonly #settings: CircuitSettings
  readonly #rotation = new EventEmitter()
  readonly #backoff: Backoff
  #inside = 0
  #since = Date.now()
  #rotatedAt = performance.now()
  #period = 0
  #failuresInRow = 0
  #probe: Permit | undefined
  #probeUntil = 0
  #opensUntil = 0
  /** Held open by hand, whatever opossum's timer does meanwhile. */
  #held = false

  constructor(settings: CircuitSettings) {
    this.#settings = settings
    this.#backoff = new Backoff(settings.resetTimeout, settings.rollingCountTimeout)
    this.breaker = new CircuitBreaker(act, {
      name: settings.name,
      timeout: false,
      resetTimeout: settings.resetTimeout,
      // opossum opens above its threshold: with 100 it never would.
      errorThresholdPercentage: Math.min(settings.errorThresholdPercentage, 99.999),
      volumeThreshold: settings.volumeThreshold,
      rollingCountTimeout: settings.rollingCountTimeout,
      rollingCountBuckets: BUCKETS,
      // Sorting all latencies of the window at each failure costs milliseconds.
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#rotation,
    })
    this.breaker.on('open', () => this.#opened()).on('close', () => this.#closed())
    this.breaker.on('halfOpen', () => {
      if (!this.#held) this.#since = Date.now()
    })
  }

  /** Lets a request through, or says why not; who was let through must leave. */
  enter(): Permit | Refusal {
    const { closed, halfOpen } = this.breaker
    if (this.#held || (!closed && (!halfOpen || this.#probing()))) return 'circuit_open'
    if (this.#inside >= this.#settings.capacity) return 'concurrency_limit'
    this.#inside++
    const permit = { probe: !closed, period: this.#period }
    if (permit.probe) {
      this.#probe = permit
      const { timeout, totalTimeout } = this.#settings
      this.#probeUntil = performance.now() + Math.max(+timeout, +totalTimeout, LONGEST_PROBE)
    }
    return permit
  }

  /** The work of a request that was let through has ended. */
  leave(): void {
    this.#inside--
  }

  /** Reports how a call went; `wait` is the time in milliseconds that the upstream asked for. */
  report(permit: Permit, verdict: Verdict, wait?: number): void {
    if (permit.period !== this.#period) return
    if (verdict === 'neutral') {
      if (permit === this.#probe) this.#probe = undefined
      return
    }
    if (!this.breaker.closed && permit !== this.#probe) return
    this.#rotate()
    this.#failuresInRow = verdict === 'failure' ? this.#failuresInRow + 1 : 0
    if (verdict === 'success' && this.breaker.closed) return this.#count()
    // opossum reads it when it opens, which may be in a moment.
    this.breaker.options.resetTimeout = this.#backoff.next(wait)
    this.breaker.fire(verdict).catch(ignore)
    const { consecutiveFailures } = this.#settings
    if (consecutiveFailures !== false && this.#failuresInRow >= consecutiveFailures)
      callBack('a listener of the circuit', () => this.breaker.open())
  }

  /**
   * Counts a success of a closed circuit, which changes nothing else: opossum counts by its events, and
   * to fire it would make four promises for each request.
   */
  #count(): void {
    this.#failuresInRow = 0
    callBack('a listener of the circuit', () => {
      this.breaker.emit('fire', SUCCESS)
      this.breaker.emit('success', undefined, 0)
    })
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.breaker.closed) return 'closed'
    return this.breaker.halfOpen && !this.#held ? 'half-open' : 'open'
  }

  /** When it came into its state, as milliseconds since the epoch. */
  get since(): number {
    return this.#since
  }

  /** Opens and stays open until it is closed by hand; the waits of later openings stay as they were. */
  holdOpen(): void {
    this.#held = true
    this.#period++
    this.#probe = undefined
    this.breaker.open()
  }

  /** Closes with an empty window, which it empties when it is closed already. */
  close(): void {
    this.#held = false
    if (this.breaker.closed) this.#clean()
    else this.breaker.close()
  }

  /** Whole seconds until a retry makes sense, from 1 to 300. */
  get retryAfter(): number {
    if (this.#held) return LONGEST_TOLD / 1000
    const left = this.breaker.opened ? this.#opensUntil - performance.now() : 0
    return Math.max(1, Math.ceil(Math.min(left, LONGEST_TOLD) / 1000))
  }

  #probing(): boolean {
    return this.#probe !== undefined && performance.now() < this.#probeUntil
  }

  /** Turns the window on by the time that has gone by: no timer has to run for an idle circuit. */
  #rotate(): void {
    const bucket = this.#settings.rollingCountTimeout / BUCKETS
    const due = Math.floor((performance.now() - this.#rotatedAt) / bucket)
    this.#rotatedAt += due * bucket
    this.#turn(Math.min(due, BUCKETS))
  }

  #turn(buckets: number): void {
    for (let turned = 0; turned < buckets; turned++) this.#rotation.emit('rotate')
  }

  #opened(): void {
    this.#since = Date.now()
    this.#period++
    this.#probe = undefined
    this.#failuresInRow = 0
    if (!this.#held) this.#backoff.opened()
    this.#opensUntil = performance.now() + this.breaker.options.resetTimeout
  }

  #closed(): void {
    this.#since = Date.now()
    this.#probe = undefined
    this.#backoff.closed()
    this.#clean()
  }

  /** What led to the opening says nothing about the upstream that has just recovered. */
  #clean(): void {
    this.#failuresInRow = 0
    this.#turn(BUCKETS)
  }
}

const SUCCESS: readonly Verdict[] = ['success']

const ignore = (): void => {}

/** Thrown, a failure opens the circuit at once; a rejection would let in what comes before the next turn. */
function act(verdict: Verdict): Promise<void> {
  if (verdict === 'failure') throw new Error('The upstream failed.')
  return Promise.resolve()
}
