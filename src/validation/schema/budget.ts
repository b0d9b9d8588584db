/** Bytes of a value up to which all of its errors are looked for. */
const LARGEST = 16_384
/** Even the slowest schemas take little time for a value as small as this. */
const SMALLEST = 1024
/** Milliseconds that it should take to find all errors. */
const LONGEST = 50

/**
 * Bounds the time in which everything is found that is wrong with a value: behind the first error the
 * client chooses how much there is to find, and each union multiplies it.
 */
export class Budget {
  #largest = LARGEST

  /** Runs the search when the value is small enough for it. */
  spend<T>(size: number, search: () => T): T | undefined {
    if (size > this.#largest) return undefined
    const start = performance.now()
    const found = search()
    if (performance.now() - start > LONGEST)
      this.#largest = Math.max(SMALLEST, Math.min(this.#largest, size) / 2)
    return found
  }
}
