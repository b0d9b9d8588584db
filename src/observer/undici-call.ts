import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Call, type Calls } from '../exchange/calls.js'
import { explain, upstreamError } from '../exchange/explain.js'
import type { Asked } from '../exchange/deciding.js'
import type { Context } from '../exchange/exchange.js'
import { observer } from './context.js'

/** The truth about which call a request is. */
export const CALL = Symbol.for('good-gateway.call/2')

/** How undici tells a handler that its request has a connection. */
type Start = (abort: (reason?: unknown) => void, context: object) => unknown

/** The internal request of undici, as far as versions 6 to 8 agree. */
export interface UndiciRequest {
  readonly method?: string
  readonly path?: string
  readonly body?: unknown
  readonly contentLength?: number | null
  readonly contentType?: string | null
  abort?: ((error: Error) => void) | null
  readonly onConnect?: Start
  readonly onRequestStart?: Start
  onComplete?: End
  onResponseEnd?: End
  onError?: End
  onResponseError?: End
  [CALL]?: UndiciCall
}

/** How undici tells a handler that its request is over, and why. */
type End = (...args: unknown[]) => unknown

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

/**
 * Interceptors that follow redirections or try again make the next call when the one before ends: on a
 * connection that any request has opened, whose context that would run in.
 */
const NAMES = ['onComplete', 'onResponseEnd', 'onError', 'onResponseError'] as const
const ENDS = NAMES.map((name) => [name, endingInContext(name)] as const)

function endingInContext(name: (typeof NAMES)[number]): End {
  return function endInContext(this: UndiciRequest, ...args) {
    const context = this[CALL]?.context
    const end = (Object.getPrototypeOf(this) as Record<typeof name, End>)[name]
    const work = () => Reflect.apply(end, this, args)
    return context === undefined ? work() : observer.context.run(context, work)
  }
}

/** A request of undici. */
export class UndiciCall extends Call {
  #request: UndiciRequest | undefined
  #socket: Socket | undefined = undefined
  #reason: Error | undefined = undefined
  #headers: unknown = undefined
  /** Whether the response comes in chunks. */
  #isChunked = false
  /** Why nobody waits for it any more, where that was asked, and whether it was. */
  #givenUp: unknown = undefined
  #isAsked = false

  /** What it was made in. */
  readonly context: Context

  constructor(calls: Calls, request: UndiciRequest, context: Context) {
    super(calls)
    this.#request = request
    this.context = context
    request[CALL] = this
    for (const [name, end] of ENDS) if (typeof request[name] === 'function') request[name] = end
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

  /** Every error of undici is published, but for one: fetch gives up what has no connection yet. */
  broken(): unknown {
    if (this.connectedAt === undefined && !this.#isAsked) this.#ask()
    return this.#givenUp
  }

  /** Asks whoever has made it as undici will when it has a connection: only then is an abort told. */
  #ask(): void {
    this.#isAsked = true
    const request = this.#request
    const start = request?.onConnect ?? request?.onRequestStart
    if (!request || typeof start !== 'function') return
    const { abort = null } = request
    const giveUp = (reason: unknown = new DOMException('The call was aborted.', 'AbortError')) => {
      this.#givenUp = reason
    }
    try {
      Reflect.apply(start, request, [giveUp, {}])
    } catch {
      // Interceptors of others; undici asks them again.
    }
    request.abort = abort
  }

  asksFor(method: string | undefined, target: string): boolean {
    return this.#request?.path === target && this.#request.method === method
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
