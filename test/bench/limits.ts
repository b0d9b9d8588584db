// What was aimed at, beside what was measured.
import type { Cost } from './gateway.js'
import { markdown } from './markdown.js'
import type { Series } from './running.js'
import { median, ratiosOf, sum } from './statistics.js'

/** A limit of what a gateway costs in a scenario. */
export interface Limit {
  readonly gateway: string
  /** Another gateway of the same scenario; by default the reference. */
  readonly against?: string
  /** Processor time by default; user time; garbage collection. */
  readonly of?: 'cpu' | 'user' | 'collecting'
  /** For the events of one request: then it is the difference in µs for each of them that counts. */
  readonly events?: number
  /** Most times of what the other one costs, or most µs for each event. */
  readonly atMost: number
}

/** A figure that has a limit. */
export interface Limited {
  readonly what: string
  readonly measured: number
  /** The same of the cheapest rounds, where there is such a figure. */
  readonly ofMinima?: number
  readonly unit?: string
  readonly atMost?: number
  readonly atLeast?: number
}

/** The figures of a scenario that have limits; those of a gateway that was left out are missing. */
export function limitedOf(
  title: string,
  limits: readonly Limit[],
  series: readonly Series[],
  requests: number,
): Limited[] {
  return limits.flatMap(({ gateway, against = series[0]?.gateway, of = 'cpu', events, atMost }) => {
    const one = roundsOf(series, gateway)
    const other = roundsOf(series, against)
    if (one.length === 0 || other.length === 0) return []
    const what = `${title}: ${gateway} to ${against}`
    if (events !== undefined) {
      const more = (pick: (values: readonly number[]) => number) =>
        (pick(one.map(({ cpu }) => cpu)) - pick(other.map(({ cpu }) => cpu))) / requests / events
      const name = `${title}: ${gateway} more than ${against} for each event`
      return { what: name, measured: more(median), ofMinima: more(least), unit: ' µs', atMost }
    }
    if (of === 'cpu') return { what, ...ratioOf(one, other), atMost }
    // The kernel samples user time, and collections are few: single rounds say nothing.
    const measured = sum(one.map((cost) => cost[of])) / sum(other.map((cost) => cost[of]))
    return { what: `${what}, ${NAMES[of]}`, measured, atMost }
  })
}

const NAMES = { user: 'user time', collecting: 'garbage collection' } as const

const roundsOf = (series: readonly Series[], name: string | undefined): readonly Cost[] =>
  series.find(({ gateway, error }) => gateway === name && error === undefined)?.rounds ?? []

function ratioOf(one: readonly Cost[], other: readonly Cost[]) {
  const [cpu, base] = [one.map((cost) => cost.cpu), other.map((cost) => cost.cpu)]
  return { measured: median(ratiosOf(cpu, base)), ofMinima: least(cpu) / least(base) }
}

const least = (values: readonly number[]) => Math.min(...values)

/** A table of Markdown. */
export function limitsTable(all: readonly Limited[]): string {
  return markdown(
    ['what', 'measured', 'of minima', 'limit', 'kept'],
    all.map(({ what, measured, ofMinima, unit = '', atMost, atLeast }) => [
      what,
      measured.toFixed(2) + unit,
      ofMinima === undefined ? '' : ofMinima.toFixed(2) + unit,
      atMost === undefined ? `at least ${atLeast}${unit}` : atMost + unit,
      measured <= (atMost ?? Infinity) && measured >= (atLeast ?? -Infinity) ? 'yes' : 'no',
    ]),
  )
}
