// Figures that need no requests: one thing against another, several times in turn.
import type { Limited } from './limits.js'
import { markdown } from './markdown.js'
import { quartiles } from './report.js'
import { median, ratiosOf } from './statistics.js'

/** Microseconds of processor time of two things, measured in turn. */
export interface Comparison {
  readonly what: string
  readonly against: string
  readonly measured: readonly number[]
  readonly reference: readonly number[]
  /** Most times of the reference, or most milliseconds more than it. */
  readonly limit: { readonly ratio: number } | { readonly milliseconds: number }
}

/** What of a comparison has the limit. */
export function limitedComparison(comparison: Comparison): Limited {
  const { what, against, measured, reference, limit } = comparison
  if ('ratio' in limit) {
    const ofMinima = Math.min(...measured) / Math.min(...reference)
    const ratio = median(ratiosOf(measured, reference))
    return { what: `${what} to ${against}`, measured: ratio, ofMinima, atMost: limit.ratio }
  }
  return {
    what: `${what} more than ${against}`,
    measured: median(differencesOf(comparison)) / 1000,
    ofMinima: (Math.min(...measured) - Math.min(...reference)) / 1000,
    unit: ' ms',
    atMost: limit.milliseconds,
  }
}

const differencesOf = ({ measured, reference }: Comparison) =>
  measured.map((value, at) => value - (reference[at] ?? NaN))

/** The comparisons as a table of Markdown. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  return markdown(
    ['what', 'against', 'CPU', 'CPU of that', 'more', 'ratio', 'quartiles'],
    comparisons.map((comparison) => {
      const { what, against, measured, reference } = comparison
      const ratios = ratiosOf(measured, reference)
      return [
        what,
        against,
        time(median(measured)),
        time(median(reference)),
        time(median(differencesOf(comparison))),
        median(ratios).toFixed(2),
        quartiles(ratios),
      ]
    }),
  )
}

function time(microseconds: number): string {
  return Math.abs(microseconds) < 1000
    ? `${microseconds.toPrecision(3)} µs`
    : `${(microseconds / 1000).toFixed(1)} ms`
}
