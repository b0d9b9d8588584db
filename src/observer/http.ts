import { errorMonitor } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { http } from '../common/builtins.js'
import type { Calls } from '../exchange/calls.js'
import type { Exchange } from '../exchange/exchange.js'
import { currentExchange, observer } from './context.js'
import { CALL, HttpCall, type Observed } from './http-call.js'
import { beginIn } from './owner.js'
import {
  isRedirecting,
  onWrapperError,
  type Redirecting,
  wrapperOf,
} from '../exchange/redirects.js'

interface RequestMessage {
  readonly request: Observed
}
interface ResponseMessage extends RequestMessage {
  readonly response: IncomingMessage
}
interface ErrorMessage extends RequestMessage {
  readonly error: unknown
}

/** What the channels of `http` and `https` tell; made for `diagnostics_channel.subscribe`. */
export const httpChannels = {
  'http.client.request.created': (message: unknown) => {
    observer.tellsOfCreation = true
    callOf((message as RequestMessage).request)
  },
  // Absent before Node 22.12 is the one above; the first seen wins.
  'http.client.request.start': (message: unknown) => {
    callOf((message as RequestMessage).request)
  },
  // Published at the head of the response, whatever its name says.
  'http.client.response.finish': (message: unknown) => {
    const { request, response } = message as ResponseMessage
    const call = lateCallOf(request)
    const wrapper = call && wrapperOf(request)
    if (wrapper) onWrapperError(wrapper, errorOfWrapper)
    call?.headArrived(response)
  },
  'http.client.request.error': (message: unknown) => {
    const { request, error } = message as ErrorMessage
    lateCallOf(request)?.broke(error)
  },
}

/** The call that a request of `http` or `https` is, begun if it is new. */
function callOf(request: Observed): HttpCall | undefined {
  const known = request[CALL]
  if (known !== undefined) return known ?? undefined
  const exchange = currentExchange()
  if (exchange === undefined) {
    // Node 20 may tell of it again, in the context that it belongs to.
    if (observer.tellsOfCreation) request[CALL] = null
    return undefined
  }
  const call = new HttpCall(exchange.calls, request)
  request[CALL] = call
  beginIn(exchange.calls, call)
  return follow(request, call)
}

function follow(request: Observed, call: HttpCall): HttpCall {
  call.timeConnection()
  request.on('close', closeOfRequest)
  request.on(errorMonitor, errorOfRequest)
  const aborted = call.calls?.aborted
  // Node 20 tells late: what has a socket already was made before, and is not new work.
  if (aborted && !observer.tellsOfCreation && request.socket)
    process.nextTick(() => call.calls?.abortIfOwn(call, aborted))
  return call
}

/** Something is piped from a client's request, into a call whose it is then, whatever runs it. */
export function takeBody(target: unknown, exchange: Exchange | undefined): void {
  if (exchange === undefined) return
  const { calls } = exchange
  const wrapper = isRedirecting(target) ? target : undefined
  const request: unknown = wrapper ? wrapper._currentRequest : target
  if (!(request instanceof http.ClientRequest)) return
  if (wrapper) onWrapperError(wrapper, errorOfWrapper)
  takeInto(request, calls)
}

function takeInto(request: Observed, calls: Calls): void {
  const call = request[CALL] ?? begin(request, calls)
  if (call.calls !== calls) calls.take(call)
  call.madeIn = undefined
  call.takesBody = true
}

function begin(request: Observed, calls: Calls): HttpCall {
  const call = new HttpCall(calls, request)
  request[CALL] = call
  calls.begin(call)
  return follow(request, call)
}

/**
 * The call of a request that has an event. Only Node 20 may not have told of it before; then the
 * context is its own, but not on the connection of another, nor where somebody destroys it.
 */
function lateCallOf(request: Observed): HttpCall | undefined {
  const isForeign = observer.tellsOfCreation || request.reusedSocket || request.destroyed
  return isForeign ? (request[CALL] ?? undefined) : callOf(request)
}

function closeOfRequest(this: Observed): void {
  this[CALL]?.requestClosed()
}

function errorOfWrapper(this: Redirecting, error: unknown): void {
  const { [CALL]: call }: Observed = this._currentRequest
  call?.brokeAfterwards(error)
}

/** Agents and wrappers emit errors on a request themselves, of which no channel tells. */
function errorOfRequest(this: Observed, error: unknown): void {
  const call = this[CALL]
  if (call?.state === 'open') call.broke(error)
}
