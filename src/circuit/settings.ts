/** Settings of a circuit; times are in milliseconds. */
export interface CircuitSettings {
  /** Name of the upstream. */
  readonly name: string
  /** The longest time of a probe until the head of its response, or `false`. */
  readonly timeout: number | false
  /** The longest time of a probe until its end, or `false`. */
  readonly totalTimeout: number | false
  /** Percentage of failures in the window above which the circuit opens. */
  readonly errorThresholdPercentage: number
  /** With fewer calls than this in the window, the percentage does not open the circuit. */
  readonly volumeThreshold: number
  /** The circuit also opens after this many failures in a row; `false` for never. */
  readonly consecutiveFailures: number | false
  /** Length of the rolling window. */
  readonly rollingCountTimeout: number
  /** How long the circuit stays open the first time; then it lets a probe through. */
  readonly resetTimeout: number
  /** Most requests at the same time. */
  readonly capacity: number
}
