import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import { callBack } from '../common/callback.js'
import type { CircuitEvent, CircuitState } from '../common/event-shapes.js'
import { circuit, refusal, tell } from '../common/events.js'
import { Backoff } from './backoff.js'
import type { CircuitSettings } from './settings.js'

/** Permission for one call; release it exactly once, with `leave`. */
export interface Permit {
  /** Whether it is the one call that decides about a half-open circuit. */
  readonly probe: boolean
  /** How often the circuit had opened before: a report from before the last opening is ignored. */
  readonly generation: number
}

/** Why a request was not let through. */
export type Refusal = 'circuit_open' | 'concurrency_limit'

/** What a call says about the upstream; `neutral` when it says nothing about it. */
export type Verdict = 'success' | 'failure' | 'neutral'

/** The part of opossum's circuit breaker that users may read and listen to. */
export interface Breaker extends EventEmitter {
  readonly name: string
  readonly opened: boolean
  readonly closed: boolean
  readonly halfOpen: boolean
  readonly stats: Readonly<Record<'fires' | 'successes' | 'failures', number>>
}

const BUCKETS = 10
/** Longest wait in milliseconds that clients are told: they have no bound of their own. */
const LONGEST_TOLD = 300_000
/** Milliseconds after which a probe without a deadline makes room for another one. */
const LONGEST_PROBE = 30_000

/**
 * One circuit. opossum holds the state and the statistics; this class decides which request may pass,
 * and reports the outcome to opossum afterwards. opossum is not wrapped around the call, because
 * there it has no neutral outcome, counts the calls that it refuses, and lets a call from before the
 * circuit opened close it.
 */
export class Circuit {
  /** Not in the published types: opossum's types are not installed with this package. @internal */
  readonly breaker: CircuitBreaker<Verdict>
  readonly #settings: CircuitSettings
  readonly #key: string | undefined
  readonly #rotation = new EventEmitter()
  readonly #backoff: Backoff
  #inside = 0
  #since = Date.now()
  #rotatedAt = performance.now()
  #generation = 0
  #failuresInRow = 0
  #probe: Permit | undefined
  /** The probes that have made room for another. */
  readonly #slow = new Set<Permit>()
  #probeUntil = 0
  #opensUntil = 0
  /** Opened by hand: it stays open whatever opossum's timer does. */
  #forcedOpen = false

  /** The state that was told last. */
  #told: CircuitState = 'closed'
  /** Whether it changes its state by hand, at this moment. */
  #isMoved = false

  /** @param key - which of several of its name it is. */
  constructor(settings: CircuitSettings, key?: string) {
    this.#settings = settings
    this.#key = key
    this.#backoff = new Backoff(settings.resetTimeout, settings.rollingCountTimeout)
    this.breaker = new CircuitBreaker(act, {
      name: settings.name,
      timeout: false,
      resetTimeout: settings.resetTimeout,
      // opossum opens above its threshold, so with 100 it would never open.
      errorThresholdPercentage: Math.min(settings.errorThresholdPercentage, 99.999),
      volumeThreshold: settings.volumeThreshold,
      rollingCountTimeout: settings.rollingCountTimeout,
      rollingCountBuckets: BUCKETS,
      // opossum would sort all latencies of the window at each failure, which takes milliseconds.
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#rotation,
    })
    this.breaker.on('open', () => this.#opened()).on('close', () => this.#closed())
    this.breaker.on('halfOpen', () => {
      if (!this.#forcedOpen) this.#since = Date.now()
      this.#tell('wait_over')
    })
  }

  /** Lets a request through, or says why not. A request that was let through must call `leave`. */
  enter(): Permit | Refusal {
    const { closed, halfOpen } = this.breaker
    if (this.#forcedOpen || (!closed && (!halfOpen || this.#probing())))
      return this.#refuse('circuit_open')
    if (this.#inside >= this.#settings.capacity) return this.#refuse('concurrency_limit')
    this.#inside++
    const permit = { probe: !closed, generation: this.#generation }
    if (permit.probe) {
      this.#probe = permit
      const { timeout, totalTimeout } = this.#settings
      this.#probeUntil = performance.now() + Math.max(+timeout, +totalTimeout, LONGEST_PROBE)
    }
    return permit
  }

  #refuse(code: Refusal): Refusal {
    tell(refusal, itself, { name: this.#settings.name, key: this.#key, code })
    return code
  }

  /** The work of a request that was let through has ended. */
  leave(): void {
    this.#inside--
  }

  /** Lets another probe through beside one that waits for its client; whichever ends first decides. */
  makeRoom(permit: Permit): void {
    if (permit !== this.#probe) return
    this.#slow.add(permit)
    this.#probe = undefined
  }

  /** Reports how a call went; `wait` is the wait in milliseconds that the upstream asked for. */
  report(permit: Permit, verdict: Verdict, wait?: number): void {
    if (permit.generation !== this.#generation) return
    if (verdict === 'neutral') {
      if (permit === this.#probe) this.#probe = undefined
      this.#slow.delete(permit)
      return
    }
    if (!this.breaker.closed && permit !== this.#probe && !this.#slow.has(permit)) return
    this.#rotate()
    this.#failuresInRow = verdict === 'failure' ? this.#failuresInRow + 1 : 0
    if (verdict === 'success' && this.breaker.closed) return this.#count()
    // opossum reads this option when it opens, which the next line may cause.
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
    return this.breaker.halfOpen && !this.#forcedOpen ? 'half-open' : 'open'
  }

  /** When it came into its state, as milliseconds since the epoch. */
  get since(): number {
    return this.#since
  }

  /** Whether it was opened by hand. */
  get isHeld(): boolean {
    return this.#forcedOpen
  }

  /** Opens and stays open until it is closed by hand. The waits of later openings do not change. */
  forceOpen(): void {
    this.#forcedOpen = true
    this.#generation++
    this.#probe = undefined
    this.#byHand(() => this.breaker.open())
  }

  /** Closes with an empty window; where it is closed already, empties the window. */
  close(): void {
    this.#forcedOpen = false
    if (this.breaker.closed) this.#clean()
    else this.#byHand(() => this.breaker.close())
  }

  /** Whole seconds until a retry makes sense, from 1 to 300. */
  get retryAfter(): number {
    if (this.#forcedOpen) return LONGEST_TOLD / 1000
    const left = this.breaker.opened ? this.#opensUntil - performance.now() : 0
    return Math.max(1, Math.ceil(Math.min(left, LONGEST_TOLD) / 1000))
  }

  /** Tells of a change of the state, with what has caused it. */
  #byHand(change: () => void): void {
    this.#isMoved = true
    try {
      change()
    } finally {
      this.#isMoved = false
      this.#tell('by_hand')
    }
  }

  #tell(reason: string): void {
    const from = this.#told
    const to = this.#forcedOpen ? 'held' : STATES[this.state]
    if (from === to) return
    this.#told = to
    tell<CircuitEvent, CircuitEvent>(circuit, itself, {
      name: this.#settings.name,
      key: this.#key,
      from,
      to,
      reason: this.#isMoved ? 'by_hand' : reason,
    })
  }

  #probing(): boolean {
    return this.#probe !== undefined && performance.now() < this.#probeUntil
  }

  /** Moves the window forward by the time that has passed, so that an idle circuit needs no timer. */
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
    this.#generation++
    this.#probe = undefined
    this.#slow.clear()
    this.#failuresInRow = 0
    if (!this.#forcedOpen) this.#backoff.opened()
    this.#opensUntil = performance.now() + this.breaker.options.resetTimeout
    this.#tell(this.#told === 'half_open' ? 'probe_failed' : 'failures')
  }

  #closed(): void {
    this.#since = Date.now()
    this.#probe = undefined
    this.#slow.clear()
    this.#backoff.closed()
    this.#clean()
    this.#tell('probe_succeeded')
  }

  /** Empties the window: the failures before the opening say nothing about the recovered upstream. */
  #clean(): void {
    this.#failuresInRow = 0
    this.#turn(BUCKETS)
  }
}

const STATES = { closed: 'closed', open: 'open', 'half-open': 'half_open' } as const

const itself = <Event>(event: Event): Event => event

const SUCCESS: readonly Verdict[] = ['success']

const ignore = (): void => {}

/**
 * The action of opossum's breaker. A failure is thrown, so that the circuit opens in this turn of the
 * event loop; after a rejection it would still let calls through until the next turn.
 */
function act(verdict: Verdict): Promise<void> {
  if (verdict === 'failure') throw new Error('The upstream failed.')
  return Promise.resolve()
}
