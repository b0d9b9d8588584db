import type { CircuitReport, CircuitState } from './circuits.js'
import { markup, type Markup } from './markup.js'
import type { Report } from './report.js'
import { ago, badge, type Columns, section, table, text } from './table.js'
import { counted, span } from './words.js'

const STATES: Readonly<Record<CircuitState, readonly [sign: string, word: string]>> = {
  closed: ['✓', 'Closed'],
  open: ['✕', 'Open'],
  half_open: ['◐', 'Half-open'],
  held: ['■', 'Held open'],
}

/** The circuits, with buttons where actions are allowed. */
export function circuitSection(report: Report, hasActions: boolean): Markup {
  const { circuits, circuits_omitted: omitted, time } = report
  if (circuits.length === 0)
    return section('Circuits', markup`<p class="muted">No circuit has been used yet.</p>`)
  const columns: Columns<CircuitReport> = [
    { title: 'Circuit', cell: nameOf },
    { title: 'State', cell: ({ state }) => badge(state, ...STATES[state]) },
    { title: 'Since', cell: ({ since }) => ago(since, time) },
    { title: 'Requests', cell: (circuit) => text(meaningOf(circuit)) },
    ...(hasActions ? [{ title: 'Actions', cell: actionsOf }] : []),
  ]
  const more = markup`<p class="muted">And ${counted(omitted, 'more circuit')}.</p>`
  return section(
    'Circuits',
    markup`${table('Circuits', columns, circuits)}${omitted === 0 ? '' : more}`,
  )
}

const nameOf = ({ name, key }: CircuitReport): Markup =>
  markup`<bdi>${name}</bdi>${key === undefined ? '' : markup`<code class="key"><bdi>${key}</bdi></code>`}`

/** What becomes of requests, and until when. */
function meaningOf({ state, retry_after: wait = 0 }: CircuitReport): string {
  switch (state) {
    case 'open':
      return `refused; one may try in ${span(wait)}`
    case 'half_open':
      return 'one tries, the others are refused'
    case 'held':
      return 'refused until somebody closes it'
    default:
      return 'pass'
  }
}

/** What an operator may do to a circuit, in the order of the buttons. */
export const ACTIONS = ['open', 'close', 'release'] as const
type Action = (typeof ACTIONS)[number]

const WORDS: Readonly<Record<Action, string>> = { open: 'Open', close: 'Close', release: 'Release' }

function actionsOf({ id, name, key, state }: CircuitReport): Markup {
  const circuit = key === undefined ? name : `${name} ${key}`
  const buttons = ACTIONS.filter((action) => isUseful(action, state)).map(
    (action) =>
      markup`<button id="${action}-${id}" name="action" value="${action}" aria-label="${WORDS[action]} ${circuit}">${WORDS[action]}</button>`,
  )
  return markup`<form method="post"><input type="hidden" name="circuit" value="${id}">${buttons}</form>`
}

/** An open circuit can be opened too: then it stays open. */
const isUseful = (action: Action, state: CircuitState): boolean =>
  !(action === 'open' && state === 'held') && !(action === 'close' && state === 'closed')
