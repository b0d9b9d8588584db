import { breakers, type CircuitEntry } from '../../circuit/registry.js'
import { crypto } from '../../common/builtins.js'
import { visible } from './words.js'

/** The state of a circuit; `held` is open by hand, until somebody closes it. */
export type CircuitState = 'closed' | 'open' | 'half_open' | 'held'

/** A circuit, as the status page tells it. */
export interface CircuitReport {
  /** Names it in an action; made of the name and the key, which may be long and hold any character. */
  readonly id: string
  readonly name: string
  /** Without what cannot be seen; absent where the circuit has none. */
  readonly key?: string
  readonly state: CircuitState
  /** When it came into this state (RFC 3339). */
  readonly since: string
  /** Seconds until it lets a request through to try; only where it is open by itself. */
  readonly retry_after?: number
}

/** The circuits that are told of, and how many are not. */
export interface Circuits {
  readonly circuits: readonly CircuitReport[]
  readonly circuits_omitted: number
}

/** Most circuits that are told of: there may be one for each client. */
const MOST = 200

/** What needs attention comes first, so that it is never what is left out. */
const ORDER: readonly CircuitState[] = ['open', 'held', 'half_open', 'closed']

/** The circuits as they are now. */
export function circuitsNow(): Circuits {
  const entries = breakers
    .list()
    .map((entry) => ({ entry, rank: ORDER.indexOf(stateOf(entry)) }))
    .sort((a, b) => a.rank - b.rank || byName(a.entry, b.entry))
  const circuits = entries.slice(0, MOST).map(({ entry }) => reportOf(entry))
  return { circuits, circuits_omitted: entries.length - circuits.length }
}

const byName = (a: CircuitEntry, b: CircuitEntry): number =>
  compare(a.name, b.name) || compare(a.key, b.key)

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** The circuit of an id. */
export const circuitOf = (id: string): CircuitEntry | undefined =>
  breakers.list().find((entry) => idOf(entry) === id)

function reportOf(entry: CircuitEntry): CircuitReport {
  const state = stateOf(entry)
  return {
    id: idOf(entry),
    name: visible(entry.name),
    ...(entry.key !== '' && { key: visible(entry.key) }),
    state,
    since: new Date(entry.since).toISOString(),
    ...(state === 'open' && { retry_after: entry.retryAfter }),
  }
}

function stateOf({ state, held }: CircuitEntry): CircuitState {
  if (held) return 'held'
  return state === 'half-open' ? 'half_open' : state
}

const idOf = ({ name, key }: CircuitEntry): string =>
  crypto
    .createHash('sha256')
    .update(JSON.stringify([name, key]))
    .digest('base64url')
    .slice(0, 16)
