import type { Circuit } from '../circuit/circuit.js'
import type { News, Shared } from '../circuit/sharing.js'
import { Lease } from './lease.js'
import type { Reply } from './link.js'
import type { Row } from './row.js'

/** What a circuit needs of the member that shares it. */
export interface Crew {
  /** How others know this process. */
  readonly name: string
  readonly isJoined: boolean
  /** Whether so many commands are under way that others should come later. */
  readonly isBusy: boolean
  readonly leaseTimeout: number
  /** Whether news change the state at once. */
  readonly atOnce: boolean
  /** Whether what an operator does counts for all. */
  readonly handsCount: boolean
  run(action: string, id: string, ...args: readonly (string | number)[]): Promise<Reply>
  read(text: string | undefined): Row | undefined
  /** A time of the store, as one of `performance.now()`. */
  here(there: number): number
  /** Tells what became of a message. */
  told(result: string): void
  /** Compares with the store soon. */
  catchUp(): void
  forget(shared: SharedCircuit): void
}

/** What is to be told; an object, so that the same word said twice is two. */
interface Saying {
  readonly state: 'open' | 'closed' | 'held' | 'released'
}

/** One circuit of this process, as the fleet knows it. */
export class SharedCircuit implements Shared {
  readonly id: string
  readonly #circuit: Circuit
  readonly #crew: Crew
  readonly #lease: Lease
  /** The generation that it knows. */
  #seen = 0
  /** When it heard the last news. */
  #heardAt = 0
  /** What the others do not know yet. */
  #unsaid: Saying | undefined
  #isTelling = false
  #hasTold = false

  constructor(id: string, circuit: Circuit, crew: Crew) {
    this.id = id
    this.#circuit = circuit
    this.#crew = crew
    this.#lease = new Lease(id, crew, {
      seen: () => this.#seen,
      isWanted: () => crew.isJoined && circuit.state === 'half-open',
      stale: (row) => this.hear(row),
    })
    if (circuit.isHeld) this.held()
    else if (circuit.state === 'open') this.#say('open')
  }

  opened(): void {
    const { until, wait } = this.#circuit.opening
    this.#lease.failed(until, wait)
    this.#say('open')
  }

  closed(): void {
    this.#lease.over()
    this.#say('closed')
  }

  held(): void {
    this.#lease.over()
    if (this.#crew.handsCount) this.#say('held')
  }

  released(): void {
    this.#lease.over()
    if (this.#crew.handsCount) this.#say('released')
  }

  lease(): Promise<boolean> {
    return this.#lease.ask()
  }

  free(): void {
    this.#lease.free()
  }

  left(): void {
    this.#lease.free()
    this.#crew.forget(this)
  }

  #say(state: Saying['state']): void {
    this.#unsaid = { state }
    void this.tell()
  }

  /** Tells the others what they do not know; where that fails, it is told after the next resync. */
  async tell(): Promise<void> {
    const saying = this.#unsaid
    if (saying === undefined || this.#isTelling || !this.#crew.isJoined) return
    if (this.#crew.isBusy) return this.#crew.catchUp()
    this.#isTelling = true
    const isDone = await this.#sent(saying)
    this.#isTelling = false
    if (isDone && this.#unsaid === saying) this.#unsaid = undefined
    if (isDone) await this.tell()
  }

  async #sent({ state }: Saying): Promise<boolean> {
    // Its probe will tell more than that it was open.
    if (state === 'open' && this.#circuit.state !== 'open') return true
    const { until, wait, inRow } = this.#circuit.opening
    const left = state === 'open' ? Math.max(1, Math.ceil(until - performance.now())) : 0
    this.#hasTold = true
    try {
      const args = [this.#seen, state, left, Math.max(1, Math.round(wait)), Math.max(1, inRow)]
      return this.#take(await this.#crew.run('tell', this.id, ...args))
    } catch {
      this.#crew.told('failed')
      return false
    }
  }

  /** Takes in the reply; whether the store has done or refused it, and need not be told again. */
  #take({ word, rest }: Reply): boolean {
    this.#crew.told(word === 'ok' ? 'sent' : word)
    const row = this.#crew.read(rest[0])
    const isNews = row !== undefined && word === 'stale' && !this.#isOwn(row)
    if (isNews) this.hear(row)
    else if (row) this.#seen = row.gen
    const isDone = word === 'ok' || word === 'none' || isNews
    // After the next comparison it is told again.
    if (!isDone) this.#crew.catchUp()
    return isDone
  }

  get #saysHand(): boolean {
    return this.#unsaid?.state === 'held' || this.#unsaid?.state === 'released'
  }

  /** Whether no message says anything about it: an operator has opened it. */
  get isHeld(): boolean {
    return this.#circuit.isHeld
  }

  /** What it has said itself is no news, though the reply was lost. */
  #isOwn({ by }: Row): boolean {
    return this.#hasTold && by === this.#crew.name
  }

  isNews({ gen }: Row): boolean {
    return gen > this.#seen
  }

  hear(row: Row): void {
    if (!this.#saysHand) this.#unsaid = undefined
    this.#seen = row.gen
    this.#heardAt = performance.now()
    this.#lease.over()
    if (this.#saysHand) return
    const { handsCount, atOnce } = this.#crew
    if (row.state === 'held') return this.#hold()
    // Only a hand ends what a hand has opened: that row was between.
    if (handsCount && (row.hand || this.#circuit.isHeld)) this.#circuit.close('fleet')
    if (!row.hand || !handsCount) this.#circuit.hear(this.#newsOf(row), atOnce)
  }

  #hold(): void {
    if (this.#crew.handsCount && !this.#circuit.isHeld) this.#circuit.forceOpen('fleet')
  }

  #newsOf({ state, ends, wait, inRow }: Row): News {
    return state === 'open'
      ? { state, until: this.#crew.here(ends), wait, inRow }
      : { state: 'closed' }
  }

  /**
   * Compares what it knows with what the store has.
   *
   * @param sentAt - when the store was asked: what was heard since then is newer.
   * @param isLost - whether the store has lost its data since the last time.
   */
  settle(row: Row | undefined, sentAt: number, isLost: boolean): void {
    if (!this.#saysHand && this.#heardAt <= sentAt) this.#compare(row, isLost)
    void this.tell()
  }

  #compare(row: Row | undefined, isLost: boolean): void {
    const { isHeld, state } = this.#circuit
    if (isLost && isHeld && row?.hand !== true) {
      // No operator has done anything since: it stays held, whatever others have opened.
      this.held()
    } else if (row) {
      if (this.#isOwn(row) && this.isNews(row)) this.#seen = row.gen
      // What it knows may also be newer than what the store has: then nobody has written it there.
      else if (row.gen !== this.#seen) this.hear(row)
    } else if (isLost) {
      if (state === 'open') this.#say('open')
    } else if (this.#seen > 0) this.#forgotten()
  }

  /** The store has put its row away: it has been closed for long. */
  #forgotten(): void {
    this.#seen = 0
    if (this.#circuit.isHeld && this.#crew.handsCount) this.#circuit.close('fleet')
    else this.#circuit.hear({ state: 'closed' }, this.#crew.atOnce)
  }
}
