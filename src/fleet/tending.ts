/** Milliseconds between two resyncs at least, however many messages ask for one. */
const LEAST = 100
/** Milliseconds until the first try to come back, and between later tries at most. */
const FIRST_TRY = 100
const LONGEST_TRY = 2000
/** Each time varies at random by this part of it: the members of a fleet do not come together. */
const JITTER = 0.1

/** When a member looks after its place in the fleet: now and then, when asked, and until it is back. */
export class Tending {
  readonly #resync: number
  readonly #tend: () => Promise<boolean>
  #timer: NodeJS.Timeout | undefined
  #dueAt = Infinity
  #isRunning = false
  #startedAt = -Infinity
  #tries = 0
  isStopped = false

  /**
   * @param resync - milliseconds.
   * @param tend - whether it has worked; does not reject.
   */
  constructor(resync: number, tend: () => Promise<boolean>) {
    this.#resync = resync
    this.#tend = tend
  }

  /** At once, or as soon as it may be again. */
  soon(): void {
    this.#at(Math.max(performance.now(), this.#startedAt + LEAST))
  }

  /** After a failure. */
  later(): void {
    if (this.#isRunning) return
    const pause = Math.min(FIRST_TRY * 2 ** this.#tries, LONGEST_TRY, this.#resync)
    this.#dueAt = Infinity
    this.#at(performance.now() + varied(pause))
  }

  #at(time: number): void {
    if (this.isStopped || time >= this.#dueAt) return
    this.#dueAt = time
    if (this.#isRunning) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#run(), Math.max(1, time - performance.now())).unref()
  }

  async #run(): Promise<void> {
    this.#dueAt = Infinity
    this.#isRunning = true
    this.#startedAt = performance.now()
    const hasWorked = await this.#tend()
    this.#isRunning = false
    this.#tries = hasWorked ? 0 : this.#tries + 1
    const asked = this.#dueAt
    this.#dueAt = Infinity
    if (!hasWorked) this.later()
    else this.#at(Math.min(asked, performance.now() + varied(this.#resync)))
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.#timer)
  }
}

const varied = (time: number): number => time * (1 + JITTER * (2 * Math.random() - 1))
