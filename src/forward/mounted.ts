import type { Exchange } from '../exchange/exchange.js'
import type { Transform } from '../transform/types.js'
import { Budget } from './budget.js'
import type { Dispatching } from './dispatching.js'
import type { Settings, TargetSettings } from './options.js'
import { TargetCircuit } from './passage.js'
import { type FieldRules, LEFT } from './request-fields.js'
import { type Place, placeReader } from './target.js'

/** A target, ready for requests. */
export interface Target {
  /** Undefined for the only one of a `forward`. */
  readonly name: string | undefined
  readonly placeOf: (exchange: Exchange) => Place
  readonly rules: FieldRules
  readonly circuit: TargetCircuit | undefined
  readonly transform: Transform | undefined
}

/** What a `forward` keeps for all its requests. */
export interface Mounted {
  readonly settings: Settings
  readonly dispatcher: Dispatching
  readonly targets: readonly Target[]
  readonly budget: Budget
}

/** Prepares all that is the same for each request. */
export function mount(settings: Settings, dispatcher: Dispatching): Mounted {
  const targets = settings.targets.map((target) => targetOf(target, settings))
  return { settings, dispatcher, targets, budget: new Budget() }
}

function targetOf(
  { target, changes, transform, circuit }: TargetSettings,
  settings: Settings,
): Target {
  const { host, forwarded, trust, via } = settings
  const left = new Set([...LEFT, ...changes.keys()])
  return {
    name: circuit?.name,
    placeOf: placeReader(target),
    rules: { host, forwarded, trust, via, changes, left },
    circuit: circuit && new TargetCircuit(circuit),
    transform,
  }
}
