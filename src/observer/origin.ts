import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { type Call, failureOf } from '../exchange/call.js'
import { callsOf } from './context.js'

/** Who made the response that is about to go out. */
export type Origin =
  | { readonly by: 'upstream'; readonly call: Call }
  | { readonly by: 'failure'; readonly call: Call; readonly failure: GatewayError }
  | { readonly by: 'application' }

/**
 * Whether a status is one that a proxy makes up for a failed call: a 5xx, none (a bare close), or one
 * that Node would refuse to write.
 */
export const isMadeUp = (status = 500): boolean => !(status >= 200 && status < 500)

/** Judges a head by the call that was started last: its success clears what failed before it. */
export function originOf(exchange: Exchange, status: number | undefined): Origin {
  const call = callsOf(exchange).last
  if (call === undefined) return { by: 'application' }
  const failure = currentFailure(call)
  if (failure) return { by: 'failure', call, failure }
  return call.status !== undefined && call.status === status
    ? { by: 'upstream', call }
    : { by: 'application' }
}

/** The failure of a call, also when its response has broken and nobody was told yet. */
export function currentFailure(call: Call): GatewayError | undefined {
  const broken = call.state === 'open' ? call.transport.broken() : undefined
  return call.failure ?? (broken === undefined ? undefined : failureOf(call, broken))
}
