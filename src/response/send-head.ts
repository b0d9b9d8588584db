import { warnThrew } from '../common/callback.js'
import { settleCallback } from './buffered.js'
import { withoutRefused } from './fields.js'
import { type Gate, type Held, type Originals, type Patched, stampHead } from './gate.js'

/**
 * Calls the method that sends the head, if it is not out. Node refuses some heads, in event listeners
 * of a proxy, too, where nobody would catch that: what nobody needs is taken off, and for the rest the
 * gateway answers.
 */
export function sendHead(
  gate: Gate,
  originals: Originals,
  name: Patched,
  args: readonly unknown[],
): unknown {
  const { res, keeper } = gate
  if (res.headersSent) return Reflect.apply(originals[name], res, args)
  stampHead(gate)
  try {
    return Reflect.apply(originals[name], res, args)
  } catch (error) {
    if (res.headersSent) throw error
    const isHead = name === 'writeHead'
    const writable = withoutRefused(res, error, isHead ? args : [])
    if (writable) return sendHead(gate, originals, name, isHead ? writable : args)
    if (!keeper.refused(error)) throw error
    settleCallback(args)
    return name === 'write' ? true : res
  }
}

/** Keeps a head back that Node would not refuse. */
export function holdHead(gate: Gate, { buffered }: Held, args: readonly unknown[]): void {
  try {
    buffered.writeHead(args)
  } catch (error) {
    if (gate.phase === 'held' || !gate.keeper.refused(error)) throw error
  }
}

/** Gives an answer. What throws there throws in a listener of the proxy's, which does not catch it. */
export function give({ res, originals }: Gate, answer: () => void): void {
  try {
    answer()
  } catch (error) {
    warnThrew('an answer of the gateway', error)
    Reflect.apply(originals?.destroy ?? res.destroy, res, [])
  }
}
