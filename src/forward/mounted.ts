import type { Exchange } from '../exchange/exchange.js'
import { Budget } from './budget.js'
import type { Dispatching } from './dispatching.js'
import type { Settings, TargetSettings } from './options.js'
import { TargetCircuit } from './passage.js'
import type { FieldRules } from './request-fields.js'
import type { ChangerOf, Prepare } from './target-transform.js'
import { type Place, placeReader } from './target.js'

/** A target, ready for requests. */
export interface Target {
  /** Undefined for the only one of a `forward`. */
  readonly name: string | undefined
  readonly placeOf: (exchange: Exchange) => Place
  readonly rules: FieldRules
  readonly circuit: TargetCircuit | undefined
  readonly changerOf: ChangerOf | undefined
}

/** What a `forward` keeps for all its requests. */
export interface Mounted {
  readonly settings: Settings
  readonly dispatcher: Dispatching
  readonly targets: readonly Target[]
  readonly budget: Budget
  /** Whether a target changes requests, whose bodies must be whole then. */
  readonly isChanging: boolean
}

/** Prepares all that is the same for each request. */
export function mount(settings: Settings, dispatcher: Dispatching, prepare: Prepare): Mounted {
  const targets = settings.targets.map((target) => targetOf(target, settings, prepare))
  const isChanging = targets.some(({ changerOf }) => changerOf !== undefined)
  return { settings, dispatcher, targets, isChanging, budget: new Budget() }
}

function targetOf(
  { target, changes, circuit, transform }: TargetSettings,
  settings: Settings,
  prepare: Prepare,
): Target {
  const { host, forwarded, trust, via } = settings
  return {
    name: circuit?.name,
    placeOf: placeReader(target),
    rules: { host, forwarded, trust, via, changes },
    circuit: circuit && new TargetCircuit(circuit),
    changerOf: transform === undefined ? undefined : prepare(transform, settings.bufferLimit),
  }
}
