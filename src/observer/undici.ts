import type { Socket } from 'node:net'
import { http } from '../common/builtins.js'
import { contextFor, currentExchange, exchangeOfBody } from './context.js'
import { beginIn } from './owner.js'
import { CALL, UndiciCall, type UndiciRequest } from './undici-call.js'

interface RequestMessage {
  readonly request: UndiciRequest
}
interface SendMessage extends RequestMessage {
  readonly socket?: Socket
}
interface HeadersMessage extends RequestMessage {
  readonly response: { readonly statusCode: number; readonly headers?: unknown }
}
interface ErrorMessage extends RequestMessage {
  readonly error: unknown
}

const known = (message: unknown): UndiciCall | undefined =>
  (message as RequestMessage).request[CALL]

/** What the channels of undici tell, of `fetch` and of the package alike. */
export const undiciChannels = {
  'undici:request:create': (message: unknown) => {
    const { request } = message as RequestMessage
    const { body } = request
    // The body tells whose call it is, whatever runs it.
    const sender = body instanceof http.IncomingMessage ? exchangeOfBody(body) : undefined
    const exchange = sender ?? currentExchange()
    if (exchange === undefined) return
    const call = new UndiciCall(exchange.calls, request, contextFor(exchange))
    if (sender) exchange.calls.begin(call)
    else beginIn(exchange.calls, call)
  },
  'undici:client:sendHeaders': (message: unknown) => {
    known(message)?.sent((message as SendMessage).socket)
  },
  'undici:request:headers': (message: unknown) => {
    const { statusCode, headers } = (message as HeadersMessage).response
    const isInterim = statusCode >= 100 && statusCode < 200
    if (!isInterim) known(message)?.headArrived(statusCode, headers)
  },
  // Published at the end of every whole response, with trailers or without.
  'undici:request:trailers': (message: unknown) => {
    known(message)?.bodyArrived()
  },
  'undici:request:error': (message: unknown) => {
    known(message)?.broke((message as ErrorMessage).error)
  },
}
