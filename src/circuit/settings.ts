/** What a circuit must know; times are milliseconds. */
export interface CircuitSettings {
  /** Name of the upstream. */
  readonly name: string
  /** The longest time that a probe may take until its head, or `false`. */
  readonly timeout: number | false
  /** The longest time that a probe may take in all, or `false`. */
  readonly totalTimeout: number | false
  /** Percentage of failures in the window above which the circuit opens. */
  readonly errorThresholdPercentage: number
  /** Calls in the window below which the percentage says nothing. */
  readonly volumeThreshold: number
  /** Failures in a row after which it opens as well, or `false`. */
  readonly consecutiveFailures: number | false
  /** Length of the rolling window. */
  readonly rollingCountTimeout: number
  /** Time until an open circuit lets a probe through, the first time. */
  readonly resetTimeout: number
  /** Most requests under way at once. */
  readonly capacity: number
}
