import type { CircuitEvent, CircuitState } from '../common/event-shapes.js'
import { circuit, refusal, tell } from '../common/events.js'
import type { Refusal } from './permit.js'

/** The state of a circuit as `breakers` has it. */
export type State = 'closed' | 'open' | 'half-open'

/** Publishes the changes of one circuit, and what it refuses. */
export class Teller {
  readonly #name: string
  readonly #key: string | undefined
  #last: CircuitState = 'closed'

  constructor(name: string, key: string | undefined) {
    this.#name = name
    this.#key = key
  }

  /** The state that was told last. */
  get last(): CircuitState {
    return this.#last
  }

  changed(state: State | 'held', reason: string): void {
    const from = this.#last
    const to = state === 'half-open' ? 'half_open' : state
    if (from === to) return
    this.#last = to
    tell<CircuitEvent, CircuitEvent>(circuit, itself, {
      name: this.#name,
      key: this.#key,
      from,
      to,
      reason,
    })
  }

  refused(code: Refusal): Refusal {
    tell(refusal, itself, { name: this.#name, key: this.#key, code })
    return code
  }
}

const itself = <Event>(event: Event): Event => event
