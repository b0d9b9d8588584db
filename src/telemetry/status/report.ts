import { type Circuits, circuitsNow } from './circuits.js'
import type { FleetReport } from '../fleets.js'
import type { Collector, ProblemReport, UpstreamReport } from './collector.js'

/** All that the status page tells, in the form of its JSON. Times are seconds, moments are RFC 3339. */
export interface Report extends Circuits {
  readonly time: string
  readonly upstreams: readonly UpstreamReport[]
  readonly problems: readonly ProblemReport[]
  /** Absent where there is no fleet. */
  readonly fleets?: readonly FleetReport[]
}

/** The state of the gateway as it is now. */
export function reportOf(collector: Collector): Report {
  const fleets = collector.fleets()
  return {
    time: new Date().toISOString(),
    ...circuitsNow(),
    upstreams: collector.upstreams(),
    problems: collector.problems(),
    ...(fleets.length > 0 && { fleets }),
  }
}
