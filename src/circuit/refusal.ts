import { type GatewayError, withoutStack } from '../errors/gateway-error.js'
import type { Circuit, Refusal } from './circuit.js'

/** Why a call is not made, and after how long to come back. */
export function refusalOf(reason: Refusal, circuit: Circuit, upstream: string): GatewayError {
  const retryAfter = reason === 'circuit_open' ? circuit.retryAfter : 1
  return withoutStack(reason, { retryAfter, upstream })
}
