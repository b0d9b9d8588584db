import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { http } from '../common/builtins.js'
import { Call, type Calls, explain, upstreamError } from '../exchange/calls.js'
import type { Asked } from '../exchange/deciding.js'
import { currentExchange, exchangeOfBody } from './context.js'

/** The truth about which call a request is. */
const CALL = Symbol.for('good-gateway.call/2')

/** The internal request of undici, as far as versions 6 to 8 agree. */
interface UndiciRequest {
  readonly method?: string
  readonly path?: string
  readonly body?: unknown
  readonly contentLength?: number | null
  readonly contentType?: string | null
  abort?: ((error: Error) => void) | null
  onError?: (error: Error) => void
  onResponseError?: (error: Error) => void
  [CALL]?: UndiciCall
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
    const call = new UndiciCall(exchange.calls, request)
    request[CALL] = call
    exchange.calls.begin(call)
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

/** Ended by this side. */
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
    // As Node reads and writes fields: each byte is a character.
    const value = latin1(headers[at + 1])
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`
  }
  return fields
}

const latin1 = (raw: unknown): string =>
  raw instanceof Uint8Array ? Buffer.from(raw).toString('latin1') : String(raw)

/** A request of undici. */
class UndiciCall extends Call {
  #request: UndiciRequest | undefined
  #socket: Socket | undefined = undefined
  #reason: Error | undefined = undefined
  #headers: unknown = undefined
  /** Whether the response comes in chunks. */
  #isChunked = false

  constructor(calls: Calls, request: UndiciRequest) {
    super(calls)
    this.#request = request
  }

  /** It is on a connection; what was to end before that ends now. */
  sent(socket: Socket | undefined): void {
    this.connectedAt ??= performance.now()
    this.#socket = socket
    if (this.#reason) this.destroy(this.#reason)
  }

  headArrived(status: number, headers: unknown): void {
    const coding = fieldIn(headers, 'transfer-encoding')
    this.#isChunked = coding !== undefined
    this.#headers = headers
    this.answered({ status, coding })
  }

  bodyArrived(): void {
    // The undici of Node 20 takes the end of the connection for the last chunk, where it was to be closed.
    if (this.#isChunked && this.#socket?.readableEnded === true)
      this.fail(upstreamError(this.calls?.owner, 'upstream_response_incomplete'))
    else this.end('complete')
  }

  broke(error: unknown): void {
    // No table knows what the application's own stream of the body says.
    this.endedHere = isAbort(error) || explain(error, this.calls?.owner) === undefined
    // Before the head, an abort counts as a timeout.
    if (isAbort(error) && this.status !== undefined) this.abortedByApplication(error)
    else {
      this.isDropped = this.failure === undefined && isAbort(error)
      this.fail(error)
    }
  }

  /** These are internals of undici: where a version has none of them, the call goes on. */
  destroy(error: Error = new DOMException('The client left.', 'AbortError')): void {
    const request = this.#request
    if (request === undefined) return
    const { abort, onError, onResponseError } = request
    this.#reason = error
    if (typeof abort === 'function') Reflect.apply(abort, request, [error])
    else (onError ?? onResponseError)?.call(request, error)
  }

  /** undici itself compares what was announced with what was sent. */
  lacksBody(): boolean {
    return false
  }

  /** The stream is its reader's alone. */
  drain(): void {}

  /** Every error of undici is published. */
  broken(): unknown {
    return undefined
  }

  asked(): Asked | undefined {
    const request = this.#request
    if (request === undefined) return undefined
    const { method = '', path = '', body } = request
    const isWhole = body instanceof Uint8Array
    const length = request.contentLength ?? (isWhole ? body.byteLength : undefined)
    return {
      method,
      target: path,
      contentType: request.contentType ?? undefined,
      contentLength: length === undefined ? undefined : String(length),
      isChunked: length === undefined && body !== null && body !== undefined,
      // The interceptor `deduplicate`, and caches of responses.
      mayBeShared: true,
    }
  }

  takesBodyOf(req: IncomingMessage): boolean {
    return this.#request?.body === req
  }

  /** A body of undici is piped through streams of its own. */
  feeds(): boolean {
    return false
  }

  /** Streams of undici have listeners of its own. */
  isUnheard(): boolean {
    return false
  }

  bytesRead(): number {
    return this.#socket?.bytesRead ?? 0
  }

  connected(): boolean {
    return this.#socket !== undefined
  }

  fields(): IncomingHttpHeaders {
    return fieldsOf(this.#headers)
  }

  protected release(): void {
    if (this.#request) delete this.#request[CALL]
    this.#request = undefined
    this.#socket = undefined
    this.#headers = undefined
  }
}
