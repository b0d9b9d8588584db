import type { EventEmitter } from 'node:events'
import CircuitBreaker from '#opossum'
import type { CircuitSettings } from './settings.js'
import { BUCKETS } from './window.js'

/** What a call says about the upstream; `neutral` when it says nothing about it. */
export type Verdict = 'success' | 'failure' | 'neutral'

/** A success, as opossum's event `fire` has it. */
export const SUCCESS: readonly Verdict[] = ['success']

/** The part of opossum's circuit breaker that users may read and listen to. */
export interface Breaker extends EventEmitter {
  readonly name: string
  readonly opened: boolean
  readonly closed: boolean
  readonly halfOpen: boolean
  readonly stats: Readonly<Record<'fires' | 'successes' | 'failures', number>>
}

/** opossum's circuit breaker, which gets verdicts in place of calls. @internal */
export function createBreaker(
  settings: CircuitSettings,
  rotation: EventEmitter,
): CircuitBreaker<Verdict> {
  return new CircuitBreaker(act, {
    name: settings.name,
    timeout: false,
    resetTimeout: settings.resetTimeout,
    // opossum opens above its threshold, so with 100 it would never open.
    errorThresholdPercentage: Math.min(settings.errorThresholdPercentage, 99.999),
    volumeThreshold: settings.volumeThreshold,
    rollingCountTimeout: settings.rollingCountTimeout,
    rollingCountBuckets: BUCKETS,
    // opossum would sort all latencies of the window at each failure, which takes milliseconds.
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    rotateBucketController: rotation,
  })
}

/**
 * The action of opossum's breaker. A failure is thrown, so that the circuit opens in this turn of the
 * event loop; after a rejection it would still let calls through until the next turn.
 */
function act(verdict: Verdict): Promise<void> {
  if (verdict === 'failure') throw new Error('The upstream failed.')
  return Promise.resolve()
}
