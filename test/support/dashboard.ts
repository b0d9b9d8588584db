import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Panel {
  readonly type: string
  readonly title: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const file = join(import.meta.dirname, '../../docs/grafana.json')

/** The panels of the dashboard, without the headings. */
export const panels: readonly Panel[] = (
  JSON.parse(readFileSync(file, 'utf8')) as { panels: Panel[] }
).panels.filter(({ type }) => type !== 'row')

/** All queries of the dashboard, with a time in the place of Grafana's own variable. */
export const queries: readonly string[] = panels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m')),
)

const METRIC = /[a-z_:][\w:]*(?=[{[)]|\s*(?:$|>))/g
const MATCHER = /([a-z_]\w*)\s*(?:=~|!~|!=|=)\s*"/g
const GROUPING = /\bby \(([^)]*)\)/g

/** The metrics that a query reads, and the labels that it looks at. */
export function namesIn(query: string): { metrics: string[]; labels: string[] } {
  const grouped = [...query.matchAll(GROUPING)].flatMap(([, names = '']) => names.split(/,\s*/))
  const matched = [...query.matchAll(MATCHER)].map(([, name = '']) => name)
  const bare = query.replace(GROUPING, '')
  return { metrics: bare.match(METRIC) ?? [], labels: [...grouped, ...matched] }
}
