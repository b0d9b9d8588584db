import type { GatewayError } from '../errors/gateway-error.js'
import { clientLeft } from '../exchange/exchange.js'
import {
  type Call,
  type Calls,
  dropCall,
  failure,
  failureOf,
  type Transport,
} from '../exchange/call.js'
import { callsOf, observer } from './context.js'

/** A call begins: it belongs to the request in whose context it is made. */
export function begin(request: object, transport: Transport): Call | undefined {
  const exchange = observer.store.getStore()
  if (exchange === undefined) return undefined
  const call: Call = {
    exchange,
    transport,
    startedAt: performance.now(),
    connectedAt: undefined,
    answeredAt: undefined,
    endedAt: undefined,
    status: undefined,
    state: 'open',
    failure: undefined,
    fields: () => ({}),
  }
  observer.byRequest.set(request, call)
  const calls = callsOf(exchange)
  calls.last = call
  calls.open.add(call)
  for (const watcher of calls.watchers) watcher.started?.(call)
  // Its creation went untold: it may be what was to be dropped, and is not new work after that.
  if (calls.dropped && !observer.tellsCreation) process.nextTick(dropCall, call, calls.dropped)
  return call
}

/** The head of a response, as far as it is looked at. */
interface Answer {
  readonly status: number
  /** Its field `Transfer-Encoding`. */
  readonly coding: string | undefined
  readonly fields: Call['fields']
}

/** The head of a response is there. */
export function answered(call: Call, { status, coding, fields }: Answer): void {
  if (status < 200 || status > 599) {
    // RFC 9110, section 15: such a status is not valid, and Node refuses to write some of them.
    const cause = new Error(`The upstream answered with the status ${status}.`)
    return fail(call, failure(call.exchange, 'upstream_protocol_error', { cause }))
  }
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    fail(call, unknownCoding(call, coding))
    return answerFor(call)
  }
  call.answeredAt = performance.now()
  call.status = status
  call.fields = fields
  for (const watcher of callsOf(call.exchange).watchers) watcher.answered?.(call)
}

/** Proxies drop the field with the connection (RFC 9112, section 6.1), and pass on bytes that nobody can read. */
function unknownCoding({ exchange }: Call, coding: string): GatewayError {
  return failure(exchange, 'upstream_protocol_error', {
    cause: new Error(`The upstream sent the transfer coding ${coding}.`),
    proxyStatus: { error: 'http_response_transfer_coding', coding },
  })
}

/** Answers for a call whose failure the application is not told of, if it is still the one that decides. */
export function answerFor(call: Call): void {
  const { exchange, failure: reason } = call
  if (!reason || call !== callsOf(exchange).last || exchange.res.headersSent) return
  exchange.answer(reason)
  call.transport.destroy(reason)
}

/** A call has broken. */
export function fail(call: Call, error: unknown): void {
  call.failure ??= failureOf(call, error)
  end(call, call.failure.code === 'client_closed_request' ? 'dropped' : 'failed')
}

/**
 * This side has ended a call after its head. The application has had enough of it; unless its
 * response is on the way to the client: then somebody has lost patience.
 */
export function giveUp(call: Call, error: unknown): void {
  const { exchange, failure: reason } = call
  const halfway = callsOf(exchange).relay === call && !exchange.res.writableEnded
  if (reason || halfway) fail(call, error)
  else end(call, 'dropped')
}

/** Nothing more will come of a call. */
export function end(call: Call, state: 'complete' | 'failed' | 'dropped'): void {
  if (call.state !== 'open') return
  call.state = state
  call.endedAt = performance.now()
  const calls = callsOf(call.exchange)
  calls.open.delete(call)
  for (const watcher of calls.watchers) watcher.ended?.(call)
  if (call.failure && state === 'failed') reportDeath(call, calls, call.failure)
}

/**
 * An upstream that dies in mid-body leaves most proxies, and so the client, waiting for ever.
 *
 * Before the head is out this is only ours to answer when something is piped into the response:
 * otherwise the application still has the error to handle.
 */
function reportDeath(call: Call, calls: Calls, reason: GatewayError): void {
  const { exchange } = call
  const { res } = exchange
  if (res.writableEnded || exchange.settled || clientLeft(exchange)) return
  const waiting = !res.headersSent && call === calls.last && call.status !== undefined
  // pipe() listens for its own undoing: the one public trace that it leaves on the target.
  const piped = waiting && res.listenerCount('unpipe') > 0
  // A pipe without the status of the upstream is no relay by its head.
  if (calls.relay === call || piped || call.transport.feeds(res)) exchange.answer(reason)
}
