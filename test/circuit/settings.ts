import {
  type CircuitBreakerOptions,
  readOptions,
  type Settings,
} from '../../src/exchange/circuit-options.js'

/** Checked options of a circuit, with all defaults. */
export const settingsOf = (options: Partial<CircuitBreakerOptions> = {}): Settings =>
  readOptions({ name: 'orders', ...options })
