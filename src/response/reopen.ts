import { type Gate, type GateKeeper, isSealed, type Phase } from './gate.js'
import { discardHeld, hook, hooks, outermost, wrappedMethods } from './hooks.js'
import { isSealable, sealed } from './seal.js'

/** Does something with the response as if it were not sealed. */
export type Unsealed = <T>(work: () => T) => T

/**
 * Seals the response but for what is done inside of the function returned: a new beginning, whose
 * head has a new keeper. It goes through the wrappers of the application; what they hand on later
 * passes, too.
 */
export function sealExcept(gate: Gate, keeper: GateKeeper): Unsealed {
  const { res } = gate
  const originals = hook(gate)
  const wrapped = outermost(gate) !== undefined
  const own = Object.entries(res).filter(([name]) => isSealable(name))
  const before = { ...Object.fromEntries(own), ...(wrapped ? undefined : originals) }
  // Behind a head in the making they go on, as a session does that is stored at the end.
  const passed = gate.phase === 'passed' ? wrappedMethods(gate) : undefined
  let phase: Phase = 'waiting'
  discardHeld(gate)
  gate.keeper = keeper
  const close = () => {
    gate.phase = wrapped ? phase : 'closed'
    Object.assign(res, sealed, passed)
  }
  close()
  return (work) => {
    for (const name of Object.keys(res).filter(isSealable)) Reflect.deleteProperty(res, name)
    Object.assign(res, before, phase === 'waiting' && !wrapped && hooks)
    gate.phase = phase
    try {
      return work()
    } finally {
      phase = gate.phase
      close()
      // To all others, the answer that was made inside is out.
      if (isSealed(phase)) gate.phase = phase
    }
  }
}
