import type { GatewayError } from '../errors/gateway-error.js'
import type { Call, Calls } from './calls.js'

/** Who made the response that is about to go out. */
export type Origin =
  | { readonly by: 'upstream'; readonly call: Call }
  | { readonly by: 'failure'; readonly call: Call; readonly failure: GatewayError }
  | { readonly by: 'application' }

const APPLICATION: Origin = { by: 'application' }

/** Judges a head by the call that was started last: its success clears what failed before it. */
export function originOf({ last: call }: Calls, status: number | undefined): Origin {
  if (call === undefined) return APPLICATION
  const failure = call.currentFailure
  if (failure) return { by: 'failure', call, failure }
  return call.status !== undefined && call.status === status
    ? { by: 'upstream', call }
    : APPLICATION
}

/**
 * Whether a status is one that a proxy makes up for a failed call: a 5xx, none (a bare close), or one
 * that Node would refuse to write; or the 407 of a proxy of its own.
 */
export const isMadeUp = (status = 500): boolean =>
  !(status >= 200 && status < 500) || status === 407
