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
  /** What is compared; by default processor time. */
  readonly of?: keyof typeof comparisons
  /** For the processor time of an event: how many of them a request has. */
  readonly events?: number
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
  return limits.flatMap(
    ({ gateway, against = series[0]?.gateway, of = 'cpu', events = 1, atMost }) => {
      const one = roundsOf(series, gateway)
      const other = roundsOf(series, against)
      if (one.length === 0 || other.length === 0) return []
      const { what, compare, ...rest } = comparisons[of]
      return {
        what: `${title}: ${gateway} to ${against}${what}`,
        ...compare(one, other, requests * events),
        ...rest,
        atMost,
      }
    },
  )
}

type Rounds = readonly Cost[]

/** Ways to compare the rounds of one gateway with those of another; `count` is how much a round has. */
const comparisons = {
  cpu: {
    what: '',
    compare: (one: Rounds, other: Rounds) => {
      const [cpu, base] = [cpuOf(one), cpuOf(other)]
      return { measured: median(ratiosOf(cpu, base)), ofMinima: least(cpu) / least(base) }
    },
  },
  event: {
    what: ', more for each event',
    unit: ' µs',
    compare: (one: Rounds, other: Rounds, count: number) => {
      const [cpu, base] = [cpuOf(one), cpuOf(other)]
      return {
        measured: (median(cpu) - median(base)) / count,
        ofMinima: (least(cpu) - least(base)) / count,
      }
    },
  },
  // The kernel samples user time, and collections are few: single rounds say nothing.
  user: {
    what: ', user time',
    compare: (one: Rounds, other: Rounds) => ({
      measured: totalOf(one, 'user') / totalOf(other, 'user'),
    }),
  },
  collecting: {
    what: ', garbage collection',
    compare: (one: Rounds, other: Rounds) => ({
      measured: totalOf(one, 'collecting') / totalOf(other, 'collecting'),
    }),
  },
  marks: {
    what: ', full marks more',
    compare: (one: Rounds, other: Rounds) => ({
      measured: totalOf(one, 'marks') - totalOf(other, 'marks'),
    }),
  },
} as const

const cpuOf = (rounds: Rounds) => rounds.map(({ cpu }) => cpu)

const totalOf = (rounds: Rounds, of: 'user' | 'collecting' | 'marks') =>
  sum(rounds.map((cost) => cost[of]))

const least = (values: readonly number[]) => Math.min(...values)

const roundsOf = (series: readonly Series[], name: string | undefined): Rounds =>
  series.find(({ gateway, error }) => gateway === name && error === undefined)?.rounds ?? []

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
