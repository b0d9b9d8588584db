/** Milliseconds: the shortest wait that an upstream may ask for, and the longest wait of any kind. */
const SHORTEST_ASKED = 1000
const LONGEST = 5 * 60_000
/** Each wait but the first varies at random by this part of it, up or down. */
const JITTER = 0.2

/** How long a circuit stays open: each time in a row twice as long as before. */
export class Backoff {
  readonly #base: number
  readonly #window: number
  #inRow = 0
  #closedAt: number | undefined

  /** @param window - milliseconds closed, after which the next opening counts as the first again. */
  constructor(base: number, window: number) {
    this.#base = base
    this.#window = window
  }

  /** Milliseconds that the circuit would stay open now; `asked` is what the upstream's `Retry-After` says. */
  next(asked?: number): number {
    if (asked !== undefined) return Math.min(Math.max(asked, SHORTEST_ASKED), LONGEST)
    const before = this.#calm() ? 0 : this.#inRow
    if (before === 0) return this.#base
    // The first wait is exact. Later ones vary, or gateways that opened together would probe together.
    const longest = Math.max(LONGEST, this.#base)
    const doubled = Math.min(this.#base * 2 ** Math.min(before, 30), longest)
    const spread = doubled * (1 + JITTER * (2 * Math.random() - 1))
    // Whole: Node's timers drop the fraction, and would end before the time that clients are told.
    return Math.min(Math.round(spread), longest)
  }

  /** How many times in a row the circuit has opened. */
  get inRow(): number {
    return this.#inRow
  }

  /** Others have opened it more often in a row. */
  follow(inRow: number): void {
    this.#inRow = Math.max(this.#inRow, inRow)
  }

  /** @param before - how often in a row others have opened it, where they have said so first. */
  opened(before?: number): void {
    this.#inRow = Math.max(this.#calm() ? 1 : this.#inRow + 1, before ?? 1)
    this.#closedAt = undefined
  }

  #calm(): boolean {
    return this.#closedAt !== undefined && performance.now() - this.#closedAt >= this.#window
  }

  closed(): void {
    this.#closedAt = performance.now()
  }
}
