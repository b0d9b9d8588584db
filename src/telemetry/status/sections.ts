import type { FleetReport } from '../fleets.js'
import type { ProblemReport, UpstreamReport } from './collector.js'
import { markup, type Markup } from './markup.js'
import type { Report } from './report.js'
import { ago, badge, type Columns, section, table, text } from './table.js'
import { digits, latency } from './words.js'

const UPSTREAMS = 'Upstreams, last minute'

/** How the upstreams answer. */
export function upstreamSection({ upstreams }: Report): Markup {
  const columns: Columns<UpstreamReport> = [
    { title: 'Upstream', cell: ({ name }) => text(name ?? 'without a name') },
    { title: 'Calls', cell: ({ calls }) => text(calls), isNumber: true },
    { title: 'Per second', cell: (row) => text(digits(row.per_second)), isNumber: true },
    { title: 'Failed', cell: (row) => text(failedOf(row)), isNumber: true },
    { title: 'p50', cell: ({ p50 }) => text(latencyOf(p50)), isNumber: true },
    { title: 'p99', cell: ({ p99 }) => text(latencyOf(p99)), isNumber: true },
  ]
  return section(
    UPSTREAMS,
    upstreams.length === 0 ? none('No calls.') : table(UPSTREAMS, columns, upstreams),
  )
}

const none = (sentence: string): Markup => markup`<p class="muted">${sentence}</p>`

const failedOf = ({ failed, calls }: UpstreamReport): string =>
  failed === 0 ? '0' : `${failed} (${digits((100 * failed) / calls)} %)`

const latencyOf = (seconds: number | undefined): string =>
  seconds === undefined ? '–' : latency(seconds)

const PROBLEMS = 'Problems since the start'

/** What has gone wrong, by its code. */
export function problemSection({ problems, time }: Report): Markup {
  const columns: Columns<ProblemReport> = [
    { title: 'Code', cell: ({ code }) => markup`<code>${code}</code>` },
    { title: 'Status', cell: ({ status }) => text(status), isNumber: true },
    { title: 'Count', cell: ({ count }) => text(count), isNumber: true },
    { title: 'Last', cell: ({ last }) => ago(last, time) },
    { title: 'Upstream', cell: ({ upstream }) => text(upstream ?? '–') },
    { title: 'Route', cell: ({ route }) => text(route ?? '–') },
  ]
  return section(
    PROBLEMS,
    problems.length === 0 ? none('None.') : table(PROBLEMS, columns, problems),
  )
}

const STATES: Readonly<Record<FleetReport['state'], readonly [sign: string, word: string]>> = {
  joined: ['✓', 'Joined'],
  joining: ['◐', 'Joining'],
  away: ['✕', 'Away, each gateway decides for itself'],
}

/** The fleets that this gateway shares its circuits with; nothing where there is none. */
export function fleetSection({ fleets = [], time }: Report): Markup {
  if (fleets.length === 0) return markup``
  const columns: Columns<FleetReport> = [
    { title: 'Fleet', cell: ({ fleet }) => text(fleet) },
    { title: 'State', cell: ({ state }) => badge(state, ...STATES[state]) },
    { title: 'Since', cell: ({ since }) => ago(since, time) },
    { title: 'Messages', cell: ({ messages }) => text(messagesOf(messages)) },
  ]
  return section('Fleet', table('Fleet', columns, fleets))
}

function messagesOf(messages: FleetReport['messages']): string {
  const counts = Object.entries(messages).map(([result, count]) => `${result} ${count}`)
  return counts.length === 0 ? '–' : counts.join(', ')
}
