/** The middle one of the values. */
export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The values between which the middle half lies. */
export const quartilesOf = (values: readonly number[]): [number, number] => [
  quantile(values, 0.25),
  quantile(values, 0.75),
]

/** Each value against that of the same place. */
export const ratiosOf = (values: readonly number[], reference: readonly number[]): number[] =>
  values.map((value, at) => value / (reference[at] ?? NaN))

/** The sum of the values. */
export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** The value below which a share of the values lies; between two of them in proportion. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const low = sorted[Math.floor(at)] ?? NaN
  const high = sorted[Math.ceil(at)] ?? NaN
  return low + (high - low) * (at - Math.floor(at))
}
