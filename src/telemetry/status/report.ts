import { type Circuits, circuitsNow } from './circuits.js'

/** All that the status page tells, in the form of its JSON. Times are seconds, moments are RFC 3339. */
export interface Report extends Circuits {
  readonly time: string
}

/** The state of the gateway as it is now. */
export function reportNow(): Report {
  return { time: new Date().toISOString(), ...circuitsNow() }
}
