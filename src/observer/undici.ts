import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { type Call, failure, type Transport } from '../exchange/call.js'
import { answered, begin, end, fail, giveUp } from './life.js'
import { observer } from './context.js'

/** The internal request of undici, as far as versions 6 to 8 agree. */
interface UndiciRequest {
  abort?: ((error: Error) => void) | null
  onError?: (error: Error) => void
  onResponseError?: (error: Error) => void
}
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

const known = (message: unknown): Call | undefined =>
  observer.byRequest.get((message as RequestMessage).request)

/** What the channels of undici tell, of `fetch` and of the package alike. */
export const undiciChannels = {
  'undici:request:create': (message: unknown) => {
    const { request } = message as RequestMessage
    begin(request, new UndiciTransport(request))
  },
  'undici:client:sendHeaders': (message: unknown) => {
    const call = known(message)
    if (!(call?.transport instanceof UndiciTransport)) return
    call.connectedAt ??= performance.now()
    call.transport.sent((message as SendMessage).socket)
  },
  'undici:request:headers': (message: unknown) => {
    const call = known(message)
    const { statusCode, headers } = (message as HeadersMessage).response
    const interim = statusCode >= 100 && statusCode < 200
    if (call === undefined || interim) return
    const coding = fieldIn(headers, 'transfer-encoding')
    if (call.transport instanceof UndiciTransport) call.transport.chunked = coding !== undefined
    answered(call, { status: statusCode, coding, fields: () => fieldsOf(headers) })
  },
  // Published at the end of every whole response, with trailers or without.
  'undici:request:trailers': (message: unknown) => {
    const call = known(message)
    if (call === undefined) return
    const cutShort = call.transport instanceof UndiciTransport && call.transport.endedEarly()
    if (cutShort) fail(call, failure(call.exchange, 'upstream_response_incomplete', {}))
    else end(call, 'complete')
  },
  'undici:request:error': (message: unknown) => {
    const call = known(message)
    const { error } = message as ErrorMessage
    if (call && isAbort(error) && call.status !== undefined) giveUp(call, error)
    else if (call) fail(call, error)
  },
}

/** Ended by this side; before the head that is a lost patience like any other. */
const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

/** One of the raw headers, without reading the others. */
function fieldIn(headers: unknown, name: string): string | undefined {
  if (!Array.isArray(headers)) return undefined
  const at = headers.findIndex(
    (each: { length?: unknown }, index) =>
      index % 2 === 0 && each.length === name.length && String(each).toLowerCase() === name,
  )
  return at === -1 ? undefined : String(headers[at + 1])
}

/** Raw headers: names and values in turn, as buffers. */
function fieldsOf(headers: unknown): IncomingHttpHeaders {
  const fields: Record<string, string> = {}
  if (!Array.isArray(headers)) return fields
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = String(headers[at]).toLowerCase()
    const value = String(headers[at + 1])
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`
  }
  return fields
}

class UndiciTransport implements Transport {
  readonly #request: UndiciRequest
  #socket: Socket | undefined
  #reason: Error | undefined
  /** Whether the response comes in chunks. */
  chunked = false

  constructor(request: UndiciRequest) {
    this.#request = request
  }

  /** The undici of Node 20 takes the end of the connection for the last chunk, where it was to be closed. */
  endedEarly(): boolean {
    return this.chunked && this.#socket?.readableEnded === true
  }

  /** The request is on a connection; what was to end before that ends now. */
  sent(socket: Socket | undefined): void {
    this.#socket = socket
    if (this.#reason) this.destroy(this.#reason)
  }

  /** These are internals of undici: where a version has none of them, the call is let go. */
  destroy(error: Error = new DOMException('The client left.', 'AbortError')): void {
    const { abort, onError, onResponseError } = this.#request
    this.#reason = error
    if (typeof abort === 'function') Reflect.apply(abort, this.#request, [error])
    else (onError ?? onResponseError)?.call(this.#request, error)
  }

  /** The stream is its reader's alone. */
  drain(): void {}

  /** Every error of undici is published. */
  broken(): unknown {
    return undefined
  }

  /** A body of undici is piped through streams of its own. */
  feeds(): boolean {
    return false
  }

  bytesRead(): number {
    return this.#socket?.bytesRead ?? 0
  }

  connected(): boolean {
    return this.#socket !== undefined
  }
}
