import type { ResponseCheck } from './buffered.js'
import type { Gate } from './gate.js'
import type { Head, StreamChange } from './head.js'

/** What becomes of a response, as its keeper wants it; nothing where it passes. */
export interface Decision {
  /** Answers in its place. */
  readonly answer?: (() => void) | undefined
  /** Hold it back until it is whole. */
  readonly checks: readonly ResponseCheck[]
  /** Changes it on its way. */
  readonly stream?: StreamChange | undefined
}

const PASSES: Decision = { checks: [] }

/** Asks the keeper, once; of several answers the last one counts. */
export function askKeeper(gate: Gate, head: Head): Decision {
  gate.phase = 'passed'
  gate.head = head
  const wanted = gate.keeper.atHead(head)
  if (wanted.length === 0) return PASSES
  const wishes = wanted.filter((wish) => wish !== undefined)
  return {
    answer: wishes.findLast((wish) => typeof wish === 'function'),
    checks: wishes.filter((wish) => 'judge' in wish),
    stream: wishes.find((wish) => 'push' in wish),
  }
}
