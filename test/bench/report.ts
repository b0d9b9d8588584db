// Figures of a scenario from its rounds, and the table of them.
import type { Cost } from './gateway.js'
import type { Limited } from './limits.js'
import type { Series } from './running.js'
import { markdown } from './markdown.js'
import { median, quartilesOf, ratiosOf, sum } from './statistics.js'

/** What a part of the benchmark has to show. */
export interface Section {
  readonly title: string
  /** In Markdown. */
  readonly table: string
  /** All that was measured, for the file of JSON. */
  readonly figures: unknown
  /** Those that have a limit. */
  readonly limited?: readonly Limited[]
  /** What could not be measured, and why. */
  readonly leftOut?: readonly string[]
}

/** What one gateway costs in a scenario, for each request unless it says otherwise. */
export interface Row {
  readonly gateway: string
  /** Microseconds of processor time, the median of the rounds. */
  readonly cpu: number
  /** Microseconds of user time, and against the reference: of all rounds, as the kernel only samples it. */
  readonly user: number
  readonly userRatio: number
  /** Processor time against the reference in the same round: the median, and the quartiles. */
  readonly ratio: number
  readonly quartiles: readonly [number, number]
  /** The cheapest round against the cheapest of the reference. */
  readonly ofMinima: number
  /** Microseconds of garbage collection. */
  readonly collecting: number
  /** Full marks in all rounds together. */
  readonly marks: number
  /** Bytes promoted to the old space. */
  readonly promoted: number
  /** Bytes of resident memory, the most at the end of a round. */
  readonly rss: number
}

/** Figures of all gateways; the first of the series is the reference. */
export function rowsOf(series: readonly Series[], requests: number): Row[] {
  const [reference] = series
  if (!reference || reference.error !== undefined) return []
  const measured = series.filter(({ error }) => error === undefined)
  const names = namesOf(measured)
  return measured.map(({ rounds }, at) => ({
    gateway: names[at] ?? '',
    ...figuresOf(rounds, reference.rounds, requests),
  }))
}

/** The names of rows: the reference stands in two, the second one is the control. */
export function namesOf(all: readonly { readonly gateway: string }[]): string[] {
  return all.map(({ gateway }, at) =>
    all.findIndex((other) => other.gateway === gateway) < at ? `${gateway} again` : gateway,
  )
}

function figuresOf(rounds: readonly Cost[], reference: readonly Cost[], requests: number) {
  const cpu = rounds.map((cost) => cost.cpu)
  const base = reference.map((cost) => cost.cpu)
  const ratios = ratiosOf(cpu, base)
  const perRequest = (of: (cost: Cost) => number) => sum(rounds.map(of)) / requests / rounds.length
  return {
    cpu: median(cpu) / requests,
    user: perRequest((cost) => cost.user),
    userRatio: sum(rounds.map((cost) => cost.user)) / sum(reference.map((cost) => cost.user)),
    ratio: median(ratios),
    quartiles: quartilesOf(ratios),
    ofMinima: Math.min(...cpu) / Math.min(...base),
    collecting: perRequest((cost) => cost.collecting),
    marks: sum(rounds.map((cost) => cost.marks)),
    promoted: perRequest((cost) => cost.promoted),
    rss: Math.max(...rounds.map((cost) => cost.rss)),
  }
}

/** The ends of the middle half of the values. */
export const quartiles = (values: readonly number[], digits = 2): string =>
  quartilesOf(values)
    .map((value) => value.toFixed(digits))
    .join(' to ')

const head = [
  'gateway',
  'ratio',
  'quartiles',
  'of minima',
  'CPU, µs',
  'user ratio',
  'user, µs',
  'GC, µs',
  'full marks',
  'promoted, bytes',
  'RSS, MB',
]

/** The rows as a table of Markdown. */
export function tableOf(rows: readonly Row[]): string {
  return markdown(
    head,
    rows.map((row) => [
      row.gateway,
      row.ratio.toFixed(2),
      row.quartiles.map((value) => value.toFixed(2)).join(' to '),
      row.ofMinima.toFixed(2),
      row.cpu.toFixed(0),
      row.userRatio.toFixed(2),
      row.user.toFixed(0),
      row.collecting.toFixed(1),
      String(row.marks),
      row.promoted.toFixed(0),
      (row.rss / 1e6).toFixed(0),
    ]),
  )
}
