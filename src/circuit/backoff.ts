/** Bounds of a wait that an upstream asks for, and the longest of our own. */
const SHORTEST_ASKED = 1000
const LONGEST = 5 * 60_000
const JITTER = 0.2

/** How long a circuit stays open: twice as long each time in a row. */
export class Backoff {
  readonly #base: number
  readonly #window: number
  #inRow = 0
  #closedAt: number | undefined

  /** @param window - milliseconds of calm after which the next opening is the first one again. */
  constructor(base: number, window: number) {
    this.#base = base
    this.#window = window
  }

  /** Milliseconds that the circuit would stay open now; `asked` is the upstream's own wish. */
  next(asked?: number): number {
    if (asked !== undefined) return Math.min(Math.max(asked, SHORTEST_ASKED), LONGEST)
    const before = this.#calm() ? 0 : this.#inRow
    if (before === 0) return this.#base
    // The first opening is exact; from then on gateways that opened together should part.
    const longest = Math.max(LONGEST, this.#base)
    const doubled = Math.min(this.#base * 2 ** Math.min(before, 30), longest)
    const spread = doubled * (1 + JITTER * (2 * Math.random() - 1))
    // Whole, as Node's timers count: they would drop the fraction, and end before what clients are told.
    return Math.min(Math.round(spread), longest)
  }

  opened(): void {
    this.#inRow = this.#calm() ? 1 : this.#inRow + 1
    this.#closedAt = undefined
  }

  #calm(): boolean {
    return this.#closedAt !== undefined && performance.now() - this.#closedAt >= this.#window
  }

  closed(): void {
    this.#closedAt = performance.now()
  }
}
