import type { Circuit } from '../circuit/circuit.js'
import type { Fleet } from '../circuit/registry.js'
import type { FleetEvent } from '../common/event-shapes.js'
import { fleet as channel, tell } from '../common/events.js'
import { Link, NO_REPLY, type Reply } from './link.js'
import { idOf, memberName, namesOf } from './names.js'
import { type Row, readRow } from './row.js'
import { MOST_ROWS } from './script.js'
import { type Crew, SharedCircuit } from './shared-circuit.js'
import type { FleetStore } from './store.js'
import { Tending } from './tending.js'
import { troubleOf } from './trouble.js'

/** The options of a member, with all defaults; times are milliseconds. */
export interface Settings {
  readonly fleet: string
  readonly adopt: 'probation' | 'immediate'
  readonly control: 'fleet' | 'local'
  readonly timeout: number
  readonly leaseTimeout: number
  readonly resync: number
}

/** Whether a member hears the others: not yet, yes, or not any more. */
export type MemberState = 'joining' | 'joined' | 'away'

/** This process in its fleet. */
export class Member implements Fleet, Crew {
  readonly #settings: Settings
  readonly name = memberName()
  readonly #link: Link
  readonly #tending: Tending
  readonly #circuits = new Map<string, SharedCircuit>()
  /** What the store has of circuits that are not here. */
  #others = new Map<string, Row>()
  #epoch: string | undefined
  #state: MemberState = 'joining'
  #isWarned = false

  constructor(store: FleetStore, settings: Settings) {
    this.#settings = settings
    this.#link = new Link(store, namesOf(settings.fleet), this.name, settings.timeout)
    this.#tending = new Tending(settings.resync, () => this.#tend())
  }

  start(): void {
    this.#tending.soon()
  }

  get state(): MemberState {
    return this.#state
  }

  get isJoined(): boolean {
    return this.#state === 'joined'
  }

  get isBusy(): boolean {
    return this.#link.isBusy
  }

  get leaseTimeout(): number {
    return this.#settings.leaseTimeout
  }

  get atOnce(): boolean {
    return this.#settings.adopt === 'immediate'
  }

  get handsCount(): boolean {
    return this.#settings.control === 'fleet'
  }

  here(there: number): number {
    return this.#link.here(there)
  }

  read(text: string | undefined): Row | undefined {
    return text === undefined ? undefined : readRow(text, this.#link.now)
  }

  join(name: string, key: string, circuit: Circuit): SharedCircuit {
    const shared = new SharedCircuit(idOf(name, key), circuit, this)
    this.#circuits.set(shared.id, shared)
    const row = this.#others.get(shared.id)
    if (row) shared.hear(row)
    return shared
  }

  forget(shared: SharedCircuit): void {
    if (this.#circuits.get(shared.id) === shared) this.#circuits.delete(shared.id)
  }

  async run(action: string, id: string, ...args: readonly (string | number)[]): Promise<Reply> {
    try {
      return await this.#link.run(action, id, ...args)
    } catch (error) {
      this.#goAway(error)
      throw error
    }
  }

  catchUp(): void {
    this.#tending.soon()
  }

  /** Listens and reads the rows; whether that has worked. */
  async #tend(): Promise<boolean> {
    try {
      await this.#link.listen(
        (message) => this.#onMessage(message),
        () => this.#onGap(),
      )
      await this.#sync()
      return true
    } catch (error) {
      this.#goAway(error)
      return false
    } finally {
      // Those that began to listen to the events since the last time know nothing of it yet.
      this.told(undefined)
    }
  }

  async #sync(): Promise<void> {
    const sentAt = performance.now()
    const { word, rest } = await this.#link.run(this.isJoined ? 'sync' : 'join')
    if (word === 'denied') throw new Error(troubleOf(...rest))
    if (word !== 'ok' || rest.length === 0) throw new Error(NO_REPLY)
    if (!this.#link.isListening) throw new Error('The connection that listens was lost')
    if (this.#tending.isStopped) return
    // Only a second time in a row ends what was warned of: a store that comes and goes warns once.
    if (this.isJoined) this.#isWarned = false
    this.#become('joined')
    const [epoch, ...texts] = rest
    const rows = new Map<string, Row>()
    for (const text of texts.slice(0, MOST_ROWS)) {
      const row = this.read(text)
      if (row) rows.set(row.id, row)
    }
    const isLost = this.#epoch !== undefined && epoch !== this.#epoch
    this.#epoch = epoch
    for (const [id, shared] of this.#circuits) {
      shared.settle(rows.get(id), sentAt, isLost)
      rows.delete(id)
    }
    this.#others = rows
  }

  /** Anybody may have sent it: a hint at most. What an operator has done is read from the store. */
  #onMessage(message: string): void {
    const row = this.read(message)
    if (row === undefined) return this.told('unreadable')
    if (row.by === this.name) return
    const shared = this.#circuits.get(row.id)
    if (row.state === 'held' || row.hand || shared?.isHeld) this.#onHand(row, shared)
    else if (shared === undefined) {
      if (this.#others.size < MOST_ROWS) this.#others.set(row.id, row)
    } else if (shared.isNews(row)) {
      this.told('heard')
      shared.hear(row)
    }
  }

  /** Only the store knows it for sure. */
  #onHand(row: Row, shared: SharedCircuit | undefined): void {
    if (!this.handsCount) return
    if (shared?.isNews(row)) this.told('heard')
    this.#tending.soon()
  }

  #onGap(): void {
    this.#link.unlisten()
    this.#tending.soon()
  }

  #goAway(error: unknown): void {
    if (this.#tending.isStopped) return
    this.#link.unlisten()
    this.#become('away')
    this.#tending.later()
    if (this.#isWarned) return
    this.#isWarned = true
    process.emitWarning(
      `good-gateway: the fleet "${this.#settings.fleet}" is away, and this process decides alone: ${troubleOf(error)}`,
    )
  }

  #become(state: MemberState): void {
    if (this.#state === state) return
    this.#state = state
    this.told(undefined)
  }

  told(result: string | undefined): void {
    const { fleet } = this.#settings
    tell<FleetEvent, FleetEvent>(channel, (event) => event, { fleet, state: this.#state, result })
  }

  /** Shares nothing any more. */
  stop(): void {
    this.#tending.stop()
    this.#link.unlisten()
    this.#become('away')
  }
}
