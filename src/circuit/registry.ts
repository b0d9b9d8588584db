import { util } from '../common/builtins.js'
import { Circuit } from './circuit.js'
import type { CircuitSettings } from './settings.js'

/** Most circuits that one name keeps for its keys. */
const MOST_KEYS = 1000

/** A circuit, for admin pages and for shutdown. */
export interface CircuitEntry {
  readonly name: string
  /** The key it belongs to; empty where the circuit has none. */
  readonly key: string
  readonly state: 'closed' | 'open' | 'half-open'
  /** When it came into this state, as milliseconds since the epoch. */
  readonly since: number
  /** Seconds until a retry makes sense; 0 while the circuit is closed. */
  readonly retryAfter: number
  /** Opens the circuit until `close` or `release`. */
  open(): void
  /** Closes the circuit with an empty window. */
  close(): void
  /** Forgets the circuit and stops its timer; the next request starts with a new, closed one. */
  release(): void
}

/** The circuits of one name: one, or one for each key. */
export class Circuits {
  readonly settings: CircuitSettings
  readonly #byKey = new Map<string, Circuit>()

  constructor(settings: CircuitSettings) {
    this.settings = settings
  }

  /** The circuit of a key; the key that was used longest ago makes room for a new one. */
  get(key = ''): Circuit {
    const known = this.#byKey.get(key)
    if (known === undefined && this.#byKey.size >= MOST_KEYS) this.#makeRoom()
    const circuit = known ?? new Circuit(this.settings)
    // A map keeps the order of insertion: the first one is the one used longest ago.
    this.#byKey.delete(key)
    this.#byKey.set(key, circuit)
    return circuit
  }

  /** The circuits that there are, without making one. */
  entries(): CircuitEntry[] {
    return [...this.#byKey].map(([key, circuit]) => this.#entryOf(key, circuit))
  }

  #entryOf(key: string, circuit: Circuit): CircuitEntry {
    return {
      name: this.settings.name,
      key,
      get state() {
        return circuit.state
      },
      get since() {
        return circuit.since
      },
      get retryAfter() {
        return circuit.state === 'closed' ? 0 : circuit.retryAfter
      },
      open: () => circuit.holdOpen(),
      close: () => circuit.close(),
      release: () => this.#release(key, circuit),
    }
  }

  #release(key: string, circuit: Circuit): void {
    if (this.#byKey.get(key) === circuit) this.#byKey.delete(key)
    circuit.breaker.shutdown()
  }

  /** A closed circuit holds nothing but its statistics; an open one protects its upstream. */
  #makeRoom(): void {
    let leaving: [string, Circuit] | undefined
    for (const entry of this.#byKey) {
      leaving ??= entry
      if (!entry[1].breaker.closed) continue
      leaving = entry
      break
    }
    if (leaving) this.#release(...leaving)
  }
}

const KEY = Symbol.for('good-gateway.circuits')
const shared = globalThis as { [KEY]?: Map<string, Circuits> }
const byName = (shared[KEY] ??= new Map<string, Circuits>())

/**
 * The circuits of a name: equal options share them.
 *
 * @throws {TypeError} when the name is taken by a circuit with other options.
 */
export function circuitsOf(settings: CircuitSettings): Circuits {
  const known = byName.get(settings.name)
  if (known === undefined) {
    const circuits = new Circuits(settings)
    byName.set(settings.name, circuits)
    return circuits
  }
  if (util.isDeepStrictEqual(known.settings, settings)) return known
  throw new TypeError(
    `circuitBreaker: "${settings.name}" exists with other options; give this one another name, or the same options`,
  )
}

/** All circuits of the process. */
export const breakers = {
  /** The circuits that have been used or mounted. */
  list: (): CircuitEntry[] => [...byName.values()].flatMap((circuits) => circuits.entries()),
  /** One circuit, when there is such a one. */
  get: (name: string, key = ''): CircuitEntry | undefined =>
    byName
      .get(name)
      ?.entries()
      .find((entry) => entry.key === key),
}
