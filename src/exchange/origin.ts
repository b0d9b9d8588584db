import type { GatewayError } from '../errors/gateway-error.js'
import type { Head } from '../response/head.js'
import type { Call, Calls } from './calls.js'

/** Who made the response that is about to go out. */
export type Origin =
  | { readonly by: 'upstream'; readonly call: Call }
  | { readonly by: 'failure'; readonly call: Call; readonly failure: GatewayError }
  | { readonly by: 'application' }

const APPLICATION: Origin = { by: 'application' }

/** Judges a head by the call that decides: its success clears what failed before it. */
export function originOf(calls: Calls, status: number | undefined): Origin {
  const call = calls.decidingFor(status)
  if (call === undefined) return APPLICATION
  const failure = call.currentFailure
  if (failure) return { by: 'failure', call, failure }
  return call.status !== undefined && call.status === status
    ? { by: 'upstream', call }
    : APPLICATION
}

/**
 * Whether a head is one that a proxy makes up for a failed call: a 5xx, none (a bare close), a status
 * that Node would refuse to write, the 407 of a proxy of its own, or a text that tells of the failure
 * as if it were a success.
 */
export function isMadeUp(failure: GatewayError, head: Head): boolean {
  const { status = 500 } = head
  return !(status >= 200 && status < 500) || status === 407 || isTold(failure, head)
}

/** More is a page, in which the words may stand by chance. */
const LONGEST_TEXT = 1024

function isTold({ cause }: GatewayError, head: Head): boolean {
  const { text = '' } = head
  if (!(cause instanceof Error) || cause.message === '' || text.length > LONGEST_TEXT) return false
  const type = head.header('content-type') ?? 'text/plain'
  return type.startsWith('text/') && text.includes(cause.message)
}
