import type { FleetStore } from '../../src/fleet/store.js'
import { Data, runScript } from './fleet-script.js'

interface Listener {
  readonly onMessage: (message: string) => void
  readonly onGap: () => void
}

/** A store in memory, which can fail in the ways of a real one. */
export class MemoryStore implements FleetStore {
  data = new Data()
  /** The actions that were run. */
  readonly actions: string[] = []
  readonly #listeners = new Set<Listener>()
  #waiting: (() => void)[] | undefined
  #refusal: Error | undefined
  /** Does what it is asked for, and never says so. */
  loseReplies = false

  async run(_script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    if (this.#refusal) throw this.#refusal
    await this.#turn()
    this.actions.push(args[0] ?? '')
    const publish = (message: string): void => this.publish(message)
    const reply = runScript({ data: this.data, keys, args, now: Date.now(), publish })
    return this.loseReplies ? new Promise(() => {}) : reply
  }

  /** A server that is stopped answers later, all at once. */
  async #turn(): Promise<void> {
    if (this.#waiting) await new Promise<void>((resolve) => this.#waiting?.push(resolve))
  }

  async listen(_channel: string, onMessage: (message: string) => void, onGap: () => void) {
    if (this.#refusal) throw this.#refusal
    const listener = { onMessage, onGap }
    this.#listeners.add(listener)
    return { check: () => this.#turn(), stop: () => this.#listeners.delete(listener) }
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** Commands that wait for `resume`. */
  get waiting(): number {
    return this.#waiting?.length ?? 0
  }

  /** Sends a message to all members, whoever has written it. */
  publish(message: string): void {
    for (const { onMessage } of this.#listeners) queueMicrotask(() => onMessage(message))
  }

  /** Stops to answer, as a server at SIGSTOP. */
  pause(): void {
    this.#waiting ??= []
  }

  resume(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const go of waiting) go()
  }

  /** Refuses everything, and loses its connections. */
  refuse(error: Error): void {
    this.#refusal = error
    this.cut()
  }

  accept(): void {
    this.#refusal = undefined
  }

  /** Loses its connections that listen. */
  cut(): void {
    const cut = [...this.#listeners]
    this.#listeners.clear()
    for (const { onGap } of cut) onGap()
  }
}

/** The way of one process to a store, which can be cut. */
export class Wire implements FleetStore {
  readonly #store: MemoryStore
  readonly #gaps = new Set<() => void>()
  #isCut = false

  constructor(store: MemoryStore) {
    this.#store = store
  }

  async run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    if (this.#isCut) throw new Error('connect ETIMEDOUT')
    return this.#store.run(script, keys, args)
  }

  async listen(channel: string, onMessage: (message: string) => void, onGap: () => void) {
    if (this.#isCut) throw new Error('connect ETIMEDOUT')
    this.#gaps.add(onGap)
    return this.#store.listen(channel, (message) => !this.#isCut && onMessage(message), onGap)
  }

  cut(): void {
    this.#isCut = true
    for (const onGap of this.#gaps) onGap()
    this.#gaps.clear()
  }

  mend(): void {
    this.#isCut = false
  }
}
