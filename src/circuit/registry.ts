import { util } from '../common/builtins.js'
import { Circuit } from './circuit.js'
import type { CircuitSettings } from './settings.js'
import type { Shared } from './sharing.js'

/** Most circuits of one name: one for each key. */
const MOST_KEYS = 1000

/** A circuit, for admin pages and for shutdown. */
export interface CircuitEntry {
  readonly name: string
  /** The key of the circuit; empty where it has none. */
  readonly key: string
  readonly state: 'closed' | 'open' | 'half-open'
  /** Whether it was opened by hand, and stays so until somebody closes it. */
  readonly held: boolean
  /** When it entered this state, as milliseconds since the epoch. */
  readonly since: number
  /** Seconds until a retry makes sense; 0 while the circuit is closed. */
  readonly retryAfter: number
  /** Opens the circuit until `close` or `release`. */
  open(): void
  /** Closes the circuit with an empty window. */
  close(): void
  /** Removes the circuit and stops its timer; the next request gets a new, closed one. */
  release(): void
}

/** Who shares the circuits of this process with others. */
export interface Fleet {
  /** What shares a circuit that exists now. */
  join(name: string, key: string, circuit: Circuit): Shared
}

/** The circuits of one name: a single one, or one for each key. */
export class Circuits {
  readonly settings: CircuitSettings
  readonly #byKey = new Map<string, Circuit>()

  constructor(settings: CircuitSettings) {
    this.settings = settings
  }

  /** The circuit of a key. A new key takes the place of the one that was used longest ago. */
  get(key = ''): Circuit {
    const known = this.#byKey.get(key)
    // The only one need not be put in its place again.
    if (known !== undefined && this.#byKey.size === 1) return known
    if (known === undefined && this.#byKey.size >= MOST_KEYS) this.#makeRoom()
    const circuit = known ?? this.#made(key)
    // A map keeps the order of insertion: the first entry is the one that was used longest ago.
    this.#byKey.delete(key)
    this.#byKey.set(key, circuit)
    return circuit
  }

  #made(key: string): Circuit {
    const circuit = new Circuit(this.settings, key === '' ? undefined : key)
    circuit.share(shared.fleet?.join(this.settings.name, key, circuit))
    return circuit
  }

  /** Shares all that exist, or with `undefined` none any more. */
  share(fleet: Fleet | undefined): void {
    for (const [key, circuit] of this.#byKey) {
      circuit.shared?.left()
      circuit.share(fleet?.join(this.settings.name, key, circuit))
    }
  }

  /** The circuits that exist; makes none. */
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
      get held() {
        return circuit.isHeld
      },
      get since() {
        return circuit.since
      },
      get retryAfter() {
        return circuit.state === 'closed' ? 0 : circuit.retryAfter
      },
      open: () => {
        circuit.forceOpen()
        circuit.shared?.held()
      },
      close: () => {
        circuit.close()
        circuit.shared?.released()
      },
      release: () => this.#release(key, circuit),
    }
  }

  #release(key: string, circuit: Circuit): void {
    if (this.#byKey.get(key) === circuit) this.#byKey.delete(key)
    circuit.shared?.left()
    circuit.share(undefined)
    circuit.breaker.shutdown()
  }

  /** Removes a closed circuit first: only statistics are lost, while an open one protects its upstream. */
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

/** What all copies of the package in this process share; the number is that of its shape. */
const KEY = Symbol.for('good-gateway.circuits/2')
interface Registry {
  readonly byName: Map<string, Circuits>
  fleet: Fleet | undefined
}
const all = globalThis as { [KEY]?: Registry }
const shared = (all[KEY] ??= { byName: new Map(), fleet: undefined })
const { byName } = shared

/**
 * Shares the circuits of this process, those that come later too, until `leave` is called.
 *
 * @throws {TypeError} when they are shared already.
 */
export function shareAll(fleet: Fleet): () => void {
  if (shared.fleet !== undefined)
    throw new TypeError(
      'shareCircuits: the circuits of this process are shared already; stop() that first',
    )
  const share = (by: Fleet | undefined): void => {
    shared.fleet = by
    for (const circuits of byName.values()) circuits.share(by)
  }
  share(fleet)
  return () => {
    if (shared.fleet === fleet) share(undefined)
  }
}

/**
 * The circuits of a name; breakers of the same name share them.
 *
 * @throws {TypeError} when a circuit of this name exists with other options, naming one of them.
 */
export function circuitsOf(settings: CircuitSettings): Circuits {
  const known = byName.get(settings.name)
  if (known === undefined) {
    const circuits = new Circuits(settings)
    byName.set(settings.name, circuits)
    return circuits
  }
  const option = differing(known.settings, settings)
  if (option === undefined) return known
  throw new TypeError(
    `circuitBreaker: "${settings.name}" exists with other options: "${option}" differs; give this one another name, or the same options`,
  )
}

/** The first option in which two breakers differ; callbacks are the same when they are one function. */
function differing(one: CircuitSettings, other: CircuitSettings): string | undefined {
  return Object.keys({ ...one, ...other }).find(
    (name) => !util.isDeepStrictEqual(Reflect.get(one, name), Reflect.get(other, name)),
  )
}

/** All circuits of the process. */
export const breakers = {
  /** All circuits that have been mounted or used. */
  list: (): CircuitEntry[] => [...byName.values()].flatMap((circuits) => circuits.entries()),
  /** The circuit of a name and a key; undefined when there is none. */
  get: (name: string, key = ''): CircuitEntry | undefined =>
    byName
      .get(name)
      ?.entries()
      .find((entry) => entry.key === key),
  /** Releases all circuits and forgets their names: for the end of a test. */
  releaseAll: (): void => {
    for (const circuits of byName.values())
      for (const circuit of circuits.entries()) circuit.release()
    byName.clear()
  },
}
