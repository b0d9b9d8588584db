import type CircuitBreaker from '#opossum'
import { callBack } from '../common/callback.js'
import { Backoff } from './backoff.js'
import { type Breaker, createBreaker, SUCCESS, type Verdict } from './breaker.js'
import type { Permit, Refusal } from './permit.js'
import { Probes } from './probes.js'
import type { CircuitSettings } from './settings.js'
import { leftOf, type News, type Opening, type Shared } from './sharing.js'
import { Teller } from './teller.js'
import { Window } from './window.js'

export type { Breaker, Permit, Refusal, Verdict }

/** Longest wait in milliseconds that clients are told: they have no bound of their own. */
const LONGEST_TOLD = 300_000

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
  readonly #window: Window
  readonly #backoff: Backoff
  readonly #probes = new Probes()
  readonly #teller: Teller
  #inside = 0
  #since = Date.now()
  #generation = 0
  #failuresInRow = 0
  #opensUntil = 0
  /** Opened by hand: it stays open whatever opossum's timer does. */
  #forcedOpen = false
  #shared: Shared | undefined
  /** Closed, and others say that the upstream fails: the next call of its own decides. */
  #doubt: Opening | undefined
  /** Open, and others say that the upstream is well: the next call of its own decides, without a lease. */
  #trial = false
  /** The probe that waits for its lease. */
  #asking: Permit | undefined
  /** Others have said how long it is open, of which opossum's timer does not know. */
  #tookOver = false

  /** Who changes its state at this moment, where it is not a call of its own or its timer. */
  #mover: Mover | undefined

  /** @param key - which of several of its name it is. */
  constructor(settings: CircuitSettings, key?: string) {
    this.#settings = settings
    this.#teller = new Teller(settings.name, key)
    this.#backoff = new Backoff(settings.resetTimeout, settings.rollingCountTimeout)
    this.#window = new Window(settings.rollingCountTimeout)
    this.breaker = createBreaker(settings, this.#window.rotation)
    this.breaker.on('open', () => this.#opened(false)).on('close', () => this.#closed())
    this.breaker.on('halfOpen', () => {
      if (!this.#forcedOpen) this.#since = Date.now()
      this.#tell('wait_over')
    })
  }

  /**
   * Lets a request through, or says why not. A request that was let through must call `leave`.
   *
   * Where other processes share the circuit and it is half-open, the answer waits until it is known
   * which of them sends the probe, for a bounded time.
   */
  admit(): Permit | Refusal | Promise<Permit | Refusal> {
    const permit = this.enter()
    if (this.#shared === undefined || typeof permit === 'string') return permit
    const isProbe = this.#probes.isCurrent(permit) && !this.#trial
    return isProbe ? this.#ask(permit, this.#shared) : permit
  }

  async #ask(permit: Permit, shared: Shared): Promise<Permit | Refusal> {
    this.#asking = permit
    const isOurs = await shared.lease()
    if (this.#asking === permit) this.#asking = undefined
    if (this.#probes.isCurrent(permit) && (isOurs || this.#trial)) return permit
    this.giveBack(permit)
    return this.breaker.closed ? this.enter() : this.#teller.refused('circuit_open')
  }

  /** As `admit`, but asks no other process. */
  enter(): Permit | Refusal {
    const { closed } = this.breaker
    if (this.#forcedOpen || (!closed && (!this.#halfOpen || this.#probes.areUnderWay)))
      return this.#teller.refused('circuit_open')
    if (this.#inside >= this.#settings.capacity) return this.#teller.refused('concurrency_limit')
    this.#inside++
    const permit = { probe: !closed || this.#doubt !== undefined, generation: this.#generation }
    if (!closed) this.#startProbe(permit)
    return permit
  }

  #startProbe(permit: Permit): void {
    const { timeout, totalTimeout } = this.#settings
    this.#probes.start(permit, timeout, totalTimeout)
    // Where others have said how long it is open, no timer has told it.
    this.#tell('wait_over')
  }

  /** The work of a request that was let through has ended. */
  leave(): void {
    this.#inside--
  }

  /** A request that was let through is not sent after all. */
  giveBack(permit: Permit): void {
    this.leave()
    this.report(permit, 'neutral')
  }

  /** Lets another probe through beside one that waits for its client; whichever ends first decides. */
  makeRoom(permit: Permit): void {
    this.#probes.makeRoom(permit)
  }

  /** Reports how a call went; `wait` is the wait in milliseconds that the upstream asked for. */
  report(permit: Permit, verdict: Verdict, wait?: number): void {
    if (permit.generation !== this.#generation) return
    if (verdict === 'neutral') {
      if (this.#probes.drop(permit)) this.#shared?.free()
      return
    }
    const { closed } = this.breaker
    if (!closed && !this.#probes.has(permit)) return
    this.#window.rotate()
    this.#failuresInRow = verdict === 'failure' ? this.#failuresInRow + 1 : 0
    if (verdict === 'success' && closed) this.#count(permit)
    else this.#decide(permit, verdict, wait)
  }

  #decide(permit: Permit, verdict: Verdict, wait: number | undefined): void {
    const doubt = permit.probe ? this.#doubt : undefined
    // opossum reads this option when it opens, which the next lines may cause.
    this.breaker.options.resetTimeout = doubt ? leftOf(doubt) : this.#backoff.next(wait)
    // opossum does not know that it is half-open.
    if (this.breaker.opened)
      return verdict === 'failure' ? this.#opened(true) : this.#quietly(() => this.breaker.close())
    this.breaker.fire(verdict).catch(() => {})
    if (doubt || this.#failuresInRow >= (this.#settings.consecutiveFailures || Infinity))
      this.#quietly(() => this.breaker.open())
  }

  /**
   * Counts a success of a closed circuit, which changes nothing else: opossum counts by its events, and
   * to fire it would make four promises for each request.
   */
  #count({ probe }: Permit): void {
    if (probe) this.#doubt = undefined
    this.#quietly(() => {
      this.breaker.emit('fire', SUCCESS)
      this.breaker.emit('success', undefined, 0)
    })
  }

  /** Whatever a listener of opossum's does. */
  #quietly(change: () => void): void {
    callBack('a listener of the circuit', change)
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.breaker.closed) return 'closed'
    return this.#halfOpen && !this.#forcedOpen ? 'half-open' : 'open'
  }

  get #halfOpen(): boolean {
    return this.#tookOver ? performance.now() >= this.#opensUntil : this.breaker.halfOpen
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
  forceOpen(mover: Mover = 'by_hand'): void {
    this.#forcedOpen = true
    this.#generation++
    this.#probes.clear()
    this.#move(mover, () => this.breaker.open())
  }

  /** Closes with an empty window; where it is closed already, empties the window. */
  close(mover: Mover = 'by_hand'): void {
    this.#forcedOpen = false
    if (this.breaker.closed) this.#clean()
    else this.#move(mover, () => this.breaker.close())
  }

  /** Changes the state, and tells of it with who has caused it. */
  #move(mover: Mover, change: () => void): void {
    this.#mover = mover
    this.#quietly(change)
    this.#mover = undefined
    this.#tell(mover)
  }

  #tell(reason: string): void {
    this.#teller.changed(this.#forcedOpen ? 'held' : this.state, this.#mover ?? reason)
  }

  /** Whole seconds until a retry makes sense, from 1 to 300. */
  get retryAfter(): number {
    if (this.#forcedOpen) return LONGEST_TOLD / 1000
    const left = this.state === 'open' ? this.#opensUntil - performance.now() : 0
    return Math.max(1, Math.ceil(Math.min(left, LONGEST_TOLD) / 1000))
  }

  #opened(tookOver: boolean): void {
    this.#since = Date.now()
    this.#generation++
    this.#probes.clear()
    this.#failuresInRow = 0
    if (!this.#forcedOpen) this.#backoff.opened(this.#doubt?.inRow)
    this.#opensUntil = performance.now() + this.breaker.options.resetTimeout
    this.#tookOver = tookOver
    this.#tell(this.#teller.last === 'half_open' ? 'probe_failed' : 'failures')
    this.#tellOthers('opened')
  }

  #closed(): void {
    this.#since = Date.now()
    this.#probes.clear()
    this.#backoff.closed()
    this.#tookOver = false
    this.#clean()
    this.#tell('probe_succeeded')
    this.#tellOthers('closed')
  }

  /** What they have said first, and what was done by hand, is no news of its own. */
  #tellOthers(change: 'opened' | 'closed'): void {
    const isNews = !this.#doubt && !this.#trial && !this.#mover
    this.#doubt = undefined
    this.#trial = false
    if (isNews) this.#shared?.[change]()
  }

  /** Empties the window: the failures before the opening say nothing about the recovered upstream. */
  #clean(): void {
    this.#failuresInRow = 0
    this.#doubt = undefined
    this.#window.clean()
  }

  /** Who shares it with other processes. */
  get shared(): Shared | undefined {
    return this.#shared
  }

  /** Shares it from now on, or with `undefined` no more. */
  share(shared: Shared | undefined): void {
    this.#shared = shared
    if (shared === undefined) this.#doubt = undefined
  }

  /** How it is open, for others. */
  get opening(): Opening {
    const { resetTimeout: wait } = this.breaker.options
    return { state: 'open', until: this.#opensUntil, wait, inRow: this.#backoff.inRow }
  }

  /**
   * Takes in what others say. No state changes by that, but a half-open circuit may be open again: the
   * next call of its own decides. With `atOnce` the state changes.
   */
  hear(news: News, atOnce = false): void {
    if (this.#forcedOpen || (this.#probes.areUnderWay && !this.#asking)) return
    this.#doubt = undefined
    const { closed } = this.breaker
    if (news.state === 'closed') {
      if (!closed) this.#takeOver(performance.now(), true)
      if (!closed && atOnce) this.#move('fleet', () => this.breaker.close())
    } else if (closed) {
      this.#doubt = news
      this.breaker.options.resetTimeout = leftOf(news)
      if (atOnce) this.#move('fleet', () => this.breaker.open())
    } else {
      this.#probes.clear()
      this.#backoff.follow(news.inRow)
      this.breaker.options.resetTimeout = news.wait
      this.#takeOver(news.until, false)
    }
  }

  #takeOver(until: number, trial: boolean): void {
    this.#opensUntil = until
    this.#tookOver = true
    this.#trial = trial
    this.#tell('fleet')
  }
}

/** Who else than its own calls and its timer changes the state of a circuit. */
type Mover = 'by_hand' | 'fleet'
