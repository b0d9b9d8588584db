import type { FleetEvent } from '../common/event-shapes.js'

/** The membership in a fleet. */
export interface FleetReport {
  readonly fleet: string
  readonly state: FleetEvent['state']
  /** When it came into this state (RFC 3339). */
  readonly since: string
  /** How many messages had which result. */
  readonly messages: Readonly<Record<string, number>>
}

/** Names and results come from the configuration and from the code, and are few. */
const MOST_FLEETS = 10
const MOST_RESULTS = 20

/** The last that was told of each fleet. */
export class Fleets {
  readonly #byName = new Map<string, FleetReport>()

  add({ fleet, state, result }: FleetEvent): void {
    const before = this.#byName.get(fleet)
    if (before === undefined && this.#byName.size >= MOST_FLEETS) return
    const since = before?.state === state ? before.since : new Date().toISOString()
    const messages = counted(before?.messages ?? {}, result)
    this.#byName.set(fleet, { fleet, state, since, messages })
  }

  list(): FleetReport[] {
    return [...this.#byName.values()]
  }
}

function counted(
  messages: FleetReport['messages'],
  result: string | undefined,
): FleetReport['messages'] {
  if (result === undefined) return messages
  const count = messages[result]
  if (count === undefined && Object.keys(messages).length >= MOST_RESULTS) return messages
  return { ...messages, [result]: (count ?? 0) + 1 }
}
