// Figures of a scenario from its rounds, and the table of them.
import type { Cost } from './gateway.js'
import type { Series } from './rounds.js'
import { median, quantile, sum } from './statistics.js'

/** What one gateway costs in a scenario, for each request unless it says otherwise. */
export interface Row {
  readonly gateway: string
  /** Microseconds of processor time, the median of the rounds. */
  readonly cpu: number
  /** Processor time against the reference in the same round: the median, and the quartiles. */
  readonly ratio: number
  readonly quartiles: readonly [number, number]
  /** The cheapest round against the cheapest of the reference. */
  readonly ofMinima: number
  /** Microseconds of garbage collection. */
  readonly collecting: number
  /** Full marks for each 10,000 requests. */
  readonly marks: number
  /** Bytes promoted to the old space. */
  readonly promoted: number
  /** Bytes of resident memory of the process after its last round. */
  readonly rss: number
}

/** Figures of all gateways; the first of the series is the reference. */
export function rowsOf(series: readonly Series[], requests: number): Row[] {
  const [reference] = series
  if (!reference) return []
  const seen = new Set<string>()
  return series.map(({ gateway, rounds }) => {
    const name = seen.has(gateway) ? `${gateway} again` : gateway
    seen.add(gateway)
    return { gateway: name, ...figuresOf(rounds, reference.rounds, requests) }
  })
}

function figuresOf(rounds: readonly Cost[], reference: readonly Cost[], requests: number) {
  const cpu = rounds.map((cost) => cost.cpu)
  const base = reference.map((cost) => cost.cpu)
  const ratios = cpu.map((value, at) => value / (base[at] ?? NaN))
  const perRequest = (of: (cost: Cost) => number) => sum(rounds.map(of)) / requests / rounds.length
  return {
    cpu: median(cpu) / requests,
    ratio: median(ratios),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)] as const,
    ofMinima: Math.min(...cpu) / Math.min(...base),
    collecting: perRequest((cost) => cost.collecting),
    marks: perRequest((cost) => cost.marks) * 10_000,
    promoted: perRequest((cost) => cost.promoted),
    rss: rounds.at(-1)?.rss ?? NaN,
  }
}

type Column = readonly [head: string, cell: (row: Row) => string]

const columns: readonly Column[] = [
  ['gateway', (row) => row.gateway],
  ['ratio', (row) => row.ratio.toFixed(2)],
  ['quartiles', ({ quartiles }) => quartiles.map((value) => value.toFixed(2)).join(' to ')],
  ['of minima', (row) => row.ofMinima.toFixed(2)],
  ['CPU, µs', (row) => row.cpu.toFixed(0)],
  ['GC, µs', (row) => row.collecting.toFixed(1)],
  ['full marks in 10,000', (row) => row.marks.toFixed(1)],
  ['promoted, bytes', (row) => row.promoted.toFixed(0)],
  ['RSS, MB', (row) => (row.rss / 1e6).toFixed(0)],
]

/** The rows as a table of Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [
    columns.map(([head]) => head),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ]
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)))
  const lines = cells.map((line) =>
    line.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    ),
  )
  lines.splice(
    1,
    0,
    widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)),
  )
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
