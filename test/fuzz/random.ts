/** Random choices that a seed repeats. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number below a bound. */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  chance(part: number): boolean {
    return this.next() < part
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  /** Some of them, in their order. */
  some<T>(from: readonly T[], part: number): T[] {
    return from.filter(() => this.chance(part))
  }

  /** The same bytes in packets. */
  split(bytes: Buffer): Buffer[] {
    if (bytes.length < 2 || this.chance(0.6)) return [bytes]
    const at = 1 + this.below(bytes.length - 1)
    return [bytes.subarray(0, at), ...this.split(bytes.subarray(at))]
  }
}
