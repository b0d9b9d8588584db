import { AsyncResource } from 'node:async_hooks'
import { callBack } from '../common/callback.js'
import type { Names } from './names.js'
import { SCRIPT } from './script.js'
import type { Listening, FleetStore } from './store.js'
import { within } from './within.js'

/** What the store has replied: a word, and what follows it. */
export interface Reply {
  readonly word: string
  readonly rest: readonly string[]
}

/** Commands without any reply, after which no more are sent: a dead connection must not collect them. */
const MOST_UNSETTLED = 200
/** Commands about circuits at the same time: the rest is for the resync, which finds a dead connection. */
const MANY = 150

/** What the script can reply; anything else could end as a label of metrics. */
const WORDS = new Set(['ok', 'late', 'stale', 'denied', 'none'])

export const NO_REPLY = 'The reply of the store is none of the script'

/** The part of the timeout in which the store must have done a command: the reply takes time, too. */
const IN_TIME = 0.9

/** The commands and the messages of one member, with times of its own for all that the store does. */
export class Link {
  readonly #store: FleetStore
  readonly #names: Names
  readonly #member: string
  readonly #timeout: number
  /** Made outside of all requests: a connection would hold the context of the request that opened it. */
  readonly #outside = new AsyncResource('good-gateway.fleet')
  #unsettled = 0
  /** Milliseconds from the clock of this process to that of the store. */
  #ahead = 0
  #listening: Listening | undefined
  /** How often it has begun to listen: what an earlier connection says is not heard. */
  #turn = 0

  constructor(store: FleetStore, names: Names, member: string, timeout: number) {
    this.#store = store
    this.#names = names
    this.#member = member
    this.#timeout = timeout
  }

  /** Milliseconds of the store's time, from a clock that nobody sets. */
  get now(): number {
    return performance.now() + this.#ahead
  }

  /** Whether so many commands are under way that others should come later. */
  get isBusy(): boolean {
    return this.#unsettled >= MANY
  }

  /** A time of the store, as one of `performance.now()`. */
  here(there: number): number {
    return there - this.#ahead
  }

  /**
   * Runs an action of the script.
   *
   * @throws when the store refuses it, or does not reply in time; then it does nothing later, either.
   */
  async run(action: string, id?: string, ...args: readonly (string | number)[]): Promise<Reply> {
    if (this.#unsettled >= MOST_UNSETTLED) throw new Error('The store does not reply')
    const sentAt = performance.now()
    const { circuits, events, lease } = this.#names
    const about = id === undefined ? [] : [id, ...args]
    // Reading late does no harm, and corrects the time. Nothing is done that counts as failed here.
    const deadline = id === undefined ? '' : Math.round(this.now + this.#timeout * IN_TIME)
    const reply = this.#sent(
      [circuits, lease(id ?? '')],
      [action, deadline, events, this.#member, ...about].map(String),
    )
    const [word = '', now = '', ...rest] = wordsOf(await within(this.#timeout, 'A reply', reply))
    if (!WORDS.has(word) || !/^\d+$/.test(now)) throw new Error(NO_REPLY)
    if (now !== '0') this.#ahead = Number(now) - (sentAt + performance.now()) / 2
    return { word, rest }
  }

  #sent(keys: readonly string[], args: readonly string[]): Promise<unknown> {
    this.#unsettled++
    const settled = (): void => void this.#unsettled--
    const reply = this.#outside.runInAsyncScope(async () => this.#store.run(SCRIPT, keys, args))
    reply.then(settled, settled)
    return reply
  }

  /** Listens, where it does not yet, and looks whether that connection is alive. */
  async listen(onMessage: (message: string) => void, onGap: () => void): Promise<void> {
    this.#listening ??= await this.#begun(onMessage, onGap)
    const check = async (): Promise<unknown> => this.#listening?.check?.()
    await within(this.#timeout, 'The connection that listens', check())
  }

  async #begun(onMessage: (message: string) => void, onGap: () => void): Promise<Listening> {
    const turn = ++this.#turn
    const isCurrent = (): boolean => turn === this.#turn
    const listening = this.#outside.runInAsyncScope(async () =>
      listeningOf(
        await this.#store.listen(
          this.#names.events,
          (message) => isCurrent() && onMessage(String(message)),
          () => isCurrent() && onGap(),
        ),
      ),
    )
    // One that comes late is not wanted any more.
    listening.then((late) => isCurrent() || stop(late), ignore)
    try {
      const begun = await within(this.#timeout, 'The connection that listens', listening)
      if (!isCurrent()) throw new Error('The connection that listens was lost')
      return begun
    } catch (error) {
      this.unlisten()
      throw error
    }
  }

  get isListening(): boolean {
    return this.#listening !== undefined
  }

  /** Hears nothing any more. */
  unlisten(): void {
    this.#turn++
    if (this.#listening) stop(this.#listening)
    this.#listening = undefined
  }
}

const ignore = (): void => {}

function listeningOf(begun: Listening | (() => unknown) | void): Listening {
  return typeof begun === 'function' ? { stop: begun } : (begun ?? { stop: ignore })
}

function stop(listening: Listening): void {
  callBack('stop of the store', () => listening.stop())
}

function wordsOf(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
