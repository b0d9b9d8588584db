/** Permission for one call; release it exactly once, with `leave`. */
export interface Permit {
  /** Whether it decides about the circuit: the probe of a half-open one, or a call after news of others. */
  readonly probe: boolean
  /** How often the circuit had opened before: a report from before the last opening is ignored. */
  readonly generation: number
}

/** Why a request was not let through. */
export type Refusal = 'circuit_open' | 'concurrency_limit'
