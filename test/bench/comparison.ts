// Figures that need no requests: one thing against another, several times in turn.
import { markdown } from './markdown.js'
import { quartiles } from './report.js'
import { median, ratiosOf } from './statistics.js'

/** Microseconds of processor time of two things, measured in turn. */
export interface Comparison {
  readonly what: string
  readonly against: string
  readonly measured: readonly number[]
  readonly reference: readonly number[]
}

/** The comparisons as a table of Markdown. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  return markdown(
    ['what', 'against', 'CPU', 'CPU of that', 'more', 'ratio', 'quartiles'],
    comparisons.map(({ what, against, measured, reference }) => {
      const ratios = ratiosOf(measured, reference)
      const differences = measured.map((value, at) => value - (reference[at] ?? NaN))
      return [
        what,
        against,
        time(median(measured)),
        time(median(reference)),
        time(median(differences)),
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
