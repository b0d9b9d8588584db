import type { CallEndEvent, CallTimes, EventRequest } from '../common/event-shapes.js'
import { callEnd, tell } from '../common/events.js'
import type { GatewayError } from '../errors/gateway-error.js'

/** When a call did what, in milliseconds of the monotonic clock. */
interface Timed {
  readonly startedAt: number
  readonly connectedAt: number | undefined
  readonly answeredAt: number | undefined
  readonly endedAt: number | undefined
}

/** What is told of a call. */
interface Told extends Timed {
  /** Its request. */
  readonly owner: EventRequest | undefined
  readonly state: CallEndEvent['state'] | 'open'
  readonly status: number | undefined
  readonly failure: GatewayError | undefined
  readonly attempt: number
}

interface AboutCall {
  readonly call: Told
  readonly exchange: EventRequest
}

/** A call is over, or its request is. */
export function tellCallEnd(call: Told): void {
  const { owner } = call
  if (callEnd.hasSubscribers && owner) tell(callEnd, endOf, { call, exchange: owner })
}

/** The same of one that has not ended when its request has, unless it goes on without it. */
export function tellUnended(call: Told, isRelay: boolean): void {
  const isRelayed = isRelay && call.status !== undefined && call.owner?.res.writableFinished
  if (call.state === 'open' && (call.failure || isRelayed)) tellCallEnd(call)
}

function endOf({ call, exchange }: AboutCall): CallEndEvent {
  const { state, status, failure, attempt } = call
  const left = failure ? 'aborted' : 'complete'
  return {
    exchange,
    upstream: exchange.upstream,
    state: state === 'open' ? left : state,
    status,
    code: failure?.code,
    attempt,
    times: timesOf(call),
  }
}

/** The times of a call, to a tenth of a millisecond. */
export function timesOf({ startedAt, connectedAt, answeredAt, endedAt }: Timed): CallTimes {
  const since = (time: number) => Math.round((time - startedAt) * 10) / 10
  return {
    ...(connectedAt !== undefined && { connect: since(connectedAt) }),
    ...(answeredAt !== undefined && { firstByte: since(answeredAt) }),
    total: since(endedAt ?? performance.now()),
  }
}
