import type { Permit } from './permit.js'

/** Milliseconds after which a probe without a deadline makes room for another one. */
const LONGEST_PROBE = 30_000

/** The probes of a half-open circuit: one, and those that have made room for another. */
export class Probes {
  #current: Permit | undefined
  readonly #slow = new Set<Permit>()
  #until = 0

  /** @param times - milliseconds that a probe may take; those that are `false` count nothing. */
  start(permit: Permit, ...times: readonly (number | false)[]): void {
    this.#current = permit
    this.#until = performance.now() + Math.max(...times.map(Number), LONGEST_PROBE)
  }

  /** Whether another one has to wait. */
  get areUnderWay(): boolean {
    return this.#current !== undefined && performance.now() < this.#until
  }

  isCurrent(permit: Permit): boolean {
    return permit === this.#current
  }

  /** Whether its outcome decides. */
  has(permit: Permit): boolean {
    return permit === this.#current || this.#slow.has(permit)
  }

  /** Lets another one start beside it; whichever ends first decides. */
  makeRoom(permit: Permit): void {
    if (permit !== this.#current) return
    this.#slow.add(permit)
    this.#current = undefined
  }

  /** It has decided nothing; whether it was the current one. */
  drop(permit: Permit): boolean {
    this.#slow.delete(permit)
    if (permit !== this.#current) return false
    this.#current = undefined
    return true
  }

  clear(): void {
    this.#current = undefined
    this.#slow.clear()
  }
}
