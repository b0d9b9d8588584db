/** Bounds of the buckets: from half a millisecond on, each is a fifth wider than the one before. */
const LOWEST = 0.5
const GROWTH = 1.2
/** The last one begins at about 18 minutes. */
const BUCKETS = 80

/** How many bytes a histogram takes is fixed, whatever is put into it. */
export const emptyHistogram = (): Uint32Array => new Uint32Array(BUCKETS)

/** Counts a time of so many milliseconds. */
export function count(histogram: Uint32Array, time: number): void {
  const at = Math.ceil(Math.log(Math.max(time, LOWEST) / LOWEST) / Math.log(GROWTH))
  const bucket = Math.min(at, BUCKETS - 1)
  histogram[bucket] = (histogram[bucket] ?? 0) + 1
}

/**
 * The time in milliseconds that a part of all times does not exceed, a tenth off at most; undefined
 * where there are none.
 */
export function percentile(histogram: Uint32Array, part: number): number | undefined {
  const total = histogram.reduce((sum, each) => sum + each, 0)
  let left = Math.max(1, Math.ceil(total * part))
  for (const [at, each] of histogram.entries()) {
    left -= each
    if (left <= 0) return LOWEST * GROWTH ** (at - 0.5)
  }
  return undefined
}
