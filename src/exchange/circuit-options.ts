import type { GatewayError } from '../errors/gateway-error.js'
import {
  bool,
  callback,
  type Check,
  checkedOptions,
  count,
  statuses,
  text,
  time,
  timeOrFalse,
} from '../common/options.js'
import { size, sizeOf } from '../common/size.js'
import type { Exchange } from './exchange.js'

/** How one call to an upstream went. */
export interface Outcome {
  /** Status of the upstream's response, when there was a head. */
  readonly status?: number
  /** Code of the failure, when there was one. */
  readonly code?: GatewayError['code']
  /** The failure; the low-level error is its `cause`. */
  readonly error?: GatewayError
  /** Whether the whole response has arrived; a half-open circuit judges at the head, before that. */
  readonly complete: boolean
  /** Whether the client left before the end. */
  readonly aborted: boolean
  /** Milliseconds since the circuit let the request through. */
  readonly durationMs: number
}

/**
 * Answers in place of an upstream, on `exchange.res` or by calling another handler.
 *
 * `error` tells why: `circuit_open`, `concurrency_limit`, or the failure or timeout of the call
 * (`upstream_…`). When it throws, the client gets the standard body of that error.
 */
export type Fallback = (exchange: Exchange, error: GatewayError) => unknown

/** Options of `circuitBreaker`; all times are milliseconds. */
export interface CircuitBreakerOptions {
  /** Name of the upstream: clients read it in the body, operators in `breakers`. */
  readonly name: string
  /** A circuit of its own for each key, at most 1,000 of them. */
  readonly key?: (exchange: Exchange) => string
  /** Until the head of the response; `false` waits for ever. @defaultValue `30_000` */
  readonly timeout?: number | false
  /** Until the connection stands, TLS included. @defaultValue `false` */
  readonly connectTimeout?: number | false
  /** Between bytes of a response; a client that does not read is no idleness. @defaultValue `60_000` */
  readonly idleTimeout?: number | false
  /** Until the end of the response; it cuts streams too. @defaultValue `false` */
  readonly totalTimeout?: number | false
  /** Percentage of failures in the window above which the circuit opens. @defaultValue `50` */
  readonly errorThresholdPercentage?: number
  /** Calls in the window below which the percentage says nothing. @defaultValue `10` */
  readonly volumeThreshold?: number
  /** Opens also after so many failures in a row. @defaultValue `false` */
  readonly consecutiveFailures?: number | false
  /** Length of the rolling window. @defaultValue `10_000` */
  readonly rollingCountTimeout?: number
  /** Until an open circuit lets a probe through; doubles each time in a row, up to 5 minutes. @defaultValue `10_000` */
  readonly resetTimeout?: number
  /** Most requests under way at once; more get 503 `concurrency_limit`. @defaultValue `Infinity` */
  readonly capacity?: number
  /** Overrides which outcomes count as failures. */
  readonly isFailure?: (outcome: Outcome) => boolean
  /** Whether requests may be sent again whatever their method, as those to a model. @defaultValue `false` */
  readonly repeatable?: boolean
  /** Answers instead where the circuit is open or full, or the call failed before its head was out. */
  readonly fallback?: Fallback
  /** Statuses of the upstream's own for which the fallback is asked, too. @defaultValue `[]` */
  readonly fallbackOn?: readonly number[]
  /**
   * Most bytes of a request's body that are kept for the fallback, such as `'1mb'`; over that it is not
   * asked. @defaultValue `'1mb'`
   */
  readonly bufferLimit?: string | number
}

/** The options with all defaults filled in. */
export type Settings = Required<
  Omit<CircuitBreakerOptions, 'key' | 'isFailure' | 'fallback' | 'bufferLimit'>
> & { readonly bufferLimit: number } & Pick<CircuitBreakerOptions, 'key' | 'isFailure' | 'fallback'>

const DEFAULTS = {
  timeout: 30_000,
  connectTimeout: false,
  idleTimeout: 60_000,
  totalTimeout: false,
  errorThresholdPercentage: 50,
  volumeThreshold: 10,
  consecutiveFailures: false,
  rollingCountTimeout: 10_000,
  resetTimeout: 10_000,
  capacity: Infinity,
  repeatable: false,
  fallbackOn: [],
  bufferLimit: '1mb',
} as const

// prettier-ignore
const CHECKS: Record<keyof CircuitBreakerOptions, Check> = {
  name: text,
  key: callback,
  timeout: timeOrFalse,
  connectTimeout: timeOrFalse,
  idleTimeout: timeOrFalse,
  totalTimeout: timeOrFalse,
  errorThresholdPercentage: [(value) => typeof value === 'number' && value > 0 && value <= 100, 'a number above 0, up to 100'],
  volumeThreshold: count,
  consecutiveFailures: [(value) => value === false || count[0](value), `${count[1]}, or false`],
  rollingCountTimeout: time,
  resetTimeout: time,
  capacity: [(value) => value === Infinity || count[0](value), `${count[1]}, or Infinity`],
  isFailure: callback,
  repeatable: bool,
  fallback: callback,
  fallbackOn: statuses,
  bufferLimit: size,
}

/**
 * Checks the options of a circuit breaker and fills in the defaults.
 *
 * @param place - Where they were given, as errors name it.
 * @throws {TypeError} naming the option and the fix.
 */
export function readOptions(options: CircuitBreakerOptions, place = 'circuitBreaker'): Settings {
  const { name, ...given } = checkedOptions(place, options, CHECKS)
  if (name === undefined) {
    throw new TypeError(
      'circuitBreaker: option "name" is missing; name the upstream, such as "orders"',
    )
  }
  const { bufferLimit, ...settings } = { ...DEFAULTS, ...given, name }
  return { ...settings, bufferLimit: sizeOf(bufferLimit) }
}
