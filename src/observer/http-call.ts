import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Call, type Calls } from '../exchange/calls.js'
import { explain, upstreamError } from '../exchange/explain.js'
import { makeWritable } from '../content/writable.js'
import type { Asked } from '../exchange/deciding.js'
import { read } from '../failures/rule.js'

/** The truth about which call a request is; null where it belongs to no request of a client. */
export const CALL = Symbol.for('good-gateway.call/2')
export type Observed = ClientRequest & { [CALL]?: HttpCall | null }

/** Emitted within destroy(), before the application hears of an error and may turn to something else. */
function abortOfResponse(this: IncomingMessage): void {
  requestOf(this)?.[CALL]?.responseBroke(this)
}

/** Node keeps the request on the response, and the response on the request. */
const requestOf = (response: IncomingMessage): Observed | undefined =>
  (response as { req?: Observed }).req

function socketOfRequest(this: Observed, socket: Socket): void {
  this[CALL]?.attached(socket)
}

/** Nothing public tells how long the head is that was sent. */
interface Sending {
  readonly socket?: Socket | null
  readonly _header?: string | null
}

/** Nothing public tells what a stream is piped into. */
interface Piped {
  readonly _readableState?: { readonly pipes?: readonly unknown[] }
}

/** Node keeps the option on the request. */
type Lenient = ClientRequest & { readonly insecureHTTPParser?: boolean }

/** A request of `http` or `https`. */
export class HttpCall extends Call {
  /** Whether something is piped into it from the request of the client. */
  takesBody = false
  #request: Lenient | undefined
  /** Bytes that its connection had sent before, for other calls. */
  #sentBefore = 0

  constructor(calls: Calls, request: ClientRequest) {
    super(calls)
    this.#request = request
  }

  /** A connection of an agent's pool stands already. */
  timeConnection(): void {
    const request = this.#request
    if (request?.socket) {
      this.attached(request.socket)
      // Nobody knows what of it was sent for this call already.
      if (request.reusedSocket) this.#sentBefore = NaN
    } else request?.on('socket', socketOfRequest)
  }

  attached(socket: Socket): void {
    if (this.#request?.reusedSocket) this.#sentBefore = socket.bytesWritten
    const stands = () => (this.connectedAt ??= performance.now())
    if (!socket.connecting) stands()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', stands)
  }

  headArrived(response: IncomingMessage): void {
    response.on('aborted', abortOfResponse)
    if (!makeWritable(response, this.#request?.insecureHTTPParser))
      return this.#refuseHead(response)
    const coding = response.headers['transfer-encoding']
    this.answered({ status: response.statusCode ?? 0, coding })
  }

  /** No proxy could write its fields, and most would die of them. */
  #refuseHead({ statusCode }: IncomingMessage): void {
    const cause = new Error(
      `The upstream sent a field that is not valid, with the status ${statusCode}.`,
    )
    this.fail(upstreamError(this.calls?.owner, 'upstream_protocol_error', { cause }))
    this.answerFor()
  }

  /** The request is over, and so is its response. */
  requestClosed(): void {
    const response = this.#response
    if (this.state !== 'open' || !response) return
    // Node closes a switch of protocols that nobody has asked for, and emits no error.
    if (response.statusCode !== 101 || this.#request?.listenerCount('upgrade') !== 0)
      return this.end(response.complete ? 'complete' : 'aborted')
    this.fail(upstreamError(this.calls?.owner, 'upstream_upgrade_failed'))
    this.answerFor()
  }

  /** The request has emitted an error. */
  broke(error: unknown): void {
    const response = this.#response
    this.endedHere = isEndedHere(this.#request)
    // Bytes after a whole response: what was let through is good, only the connection is not.
    if (response?.complete && this.calls?.owner.response.res.headersSent) return
    if (response && this.#request?.destroyed && !endedByPeer(response))
      return this.abortedByApplication(this.#timeout(error), this.#isTimeout(error))
    this.isDropped = !response && this.failure === undefined && this.#isDestroyedHere(error)
    this.fail(this.#meaningOf(error))
  }

  /** What has made it cannot use it. */
  brokeAfterwards(error: unknown): void {
    if (this.failure) return
    if (this.state === 'aborted') this.state = 'failed'
    this.fail(error)
  }

  /** The response has ended before its time. */
  responseBroke(response: IncomingMessage): void {
    // A whole response that nobody has read to its end is said to be aborted, too.
    if (response.complete) return
    if (endedByPeer(response)) this.fail(response.errored)
    else
      this.abortedByApplication(
        this.#timeout(response.errored),
        this.#isTimeout(this.#request?.errored),
      )
  }

  destroy(error?: Error): void {
    this.#request?.destroy(error)
  }

  drain(): void {
    this.#response?.resume()
  }

  broken(): unknown {
    const response = this.#response
    // Aborted on this side; Node tells of it in a moment, some libraries at once.
    if (!response && this.#request?.destroyed) {
      this.endedHere ||= isEndedHere(this.#request)
      return this.#request.errored ?? new DOMException('The request was aborted.', 'AbortError')
    }
    const isBroken = response?.complete === false && response.errored && endedByPeer(response)
    return isBroken ? response.errored : undefined
  }

  asked(): Asked | undefined {
    const request = this.#request
    if (request === undefined) return undefined
    return {
      method: request.method,
      target: request.path,
      contentType: fieldOf(request, 'content-type'),
      contentLength: fieldOf(request, 'content-length'),
      isChunked: request.chunkedEncoding || request.hasHeader('transfer-encoding'),
      mayBeShared: false,
    }
  }

  asksFor(method: string | undefined, target: string): boolean {
    return this.#request?.path === target && this.#request.method === method
  }

  takesBodyOf(): boolean {
    return this.takesBody
  }

  feeds(target: Writable): boolean {
    const { _readableState: state } = (this.#response ?? {}) as Piped
    return Array.isArray(state?.pipes) && state.pipes.includes(target)
  }

  isUnheard(): boolean {
    const response = this.#response
    const request = this.#request
    if (response === undefined || request === undefined) return false
    // One of each is ours. What the system says of the connection, the request tells too.
    if (response.listenerCount('aborted') > 1 || request.listenerCount('close') > 1) return false
    if (response.socket.errored !== null && request.listenerCount('error') > 0) return false
    return response.listenerCount('error') === 0 && response.listenerCount('close') === 0
  }

  bytesRead(): number {
    return this.#request?.socket?.bytesRead ?? 0
  }

  connected(): boolean {
    const socket = this.#request?.socket as TLSSocket | null | undefined
    if (!socket || socket.connecting) return false
    return !(socket as { secureConnecting?: boolean }).secureConnecting
  }

  lacksBody(): boolean {
    const request = this.#request
    const { socket, _header: head } = (request ?? {}) as Sending
    if (!request || !socket || typeof head !== 'string') return false
    const announced = Number(request.getHeader('content-length') ?? 0) > 0
    return announced && socket.bytesWritten - this.#sentBefore <= head.length
  }

  fields(): IncomingHttpHeaders {
    return this.#response?.headers ?? {}
  }

  protected release(): void {
    this.#request = undefined
  }

  get #response(): IncomingMessage | undefined {
    return (this.#request as { res?: IncomingMessage | null } | undefined)?.res ?? undefined
  }

  #meaningOf(error: unknown): unknown {
    const request = this.#request
    const owner = this.calls?.owner
    if (request === undefined) return error
    // What the system says of the connection was not done on this side.
    if (timedOut(request) && read(error, 'syscall') === undefined) return this.#timeout(error)
    // A check of the user's own gives errors that no table knows.
    const isUnverified = isIdentityError(request, error) && explain(error, owner) === undefined
    return isUnverified ? upstreamError(owner, 'upstream_tls_certificate', { cause: error }) : error
  }

  /** Whether an end on this side, after the head, was that of a time: of a signal, or of the socket. */
  #isTimeout(error: unknown): boolean {
    if (isOfSignal(error) || isOfSignal(read(error, 'cause'))) return true
    const { timeout = 0 } = this.#request?.socket ?? {}
    const waited = performance.now() - (this.answeredAt ?? Infinity)
    return timeout > 0 && waited >= timeout - PRECISION
  }

  /** Without a timeout, and not by a failure of the connection: it is not wanted any more. */
  #isDestroyedHere(error: unknown): boolean {
    const request = this.#request
    if (!request?.destroyed || timedOut(request) || read(error, 'syscall') !== undefined)
      return false
    return read(read(error, 'cause'), 'name') !== 'TimeoutError'
  }

  #timeout(cause: unknown): Error {
    return upstreamError(this.calls?.owner, 'upstream_timeout', { cause })
  }
}

function fieldOf(request: ClientRequest, name: string): string | undefined {
  const value = request.getHeader(name)
  return value === undefined ? undefined : String(value)
}

/** Node keeps the code of what `checkServerIdentity` gave, or its message. */
function isIdentityError({ socket }: ClientRequest, error: unknown): boolean {
  const told: unknown = (socket as TLSSocket | null)?.authorizationError
  return (
    told !== undefined && told !== null && told === (read(error, 'code') ?? read(error, 'message'))
  )
}

/** A timeout that the proxy has set: it destroyed the request, so Node speaks of a reset. */
function timedOut({ destroyed, socket }: ClientRequest): boolean {
  return destroyed && (socket?.timeout ?? 0) > 0
}

/** Whether a request was destroyed on this side, and not by what its connection told. */
function isEndedHere(request: ClientRequest | undefined): boolean {
  if (request?.destroyed !== true) return false
  const { socket } = request
  return !socket || (!socket.readableEnded && !isOfSystem(socket.errored))
}

const isOfSystem = (error: unknown): boolean => read(error, 'syscall') !== undefined

/** Whether a response that broke was broken by the other side; `aborted` is said of both. */
function endedByPeer({ socket }: IncomingMessage): boolean {
  const { errored } = socket
  // What this side destroys a connection with is kept there, too; that of TLS names its library.
  return socket.readableEnded || isOfSystem(errored) || read(errored, 'library') !== undefined
}

/** Milliseconds by which a timer of Node's may be early. */
const PRECISION = 5

const SIGNALS: ReadonlySet<unknown> = new Set(['AbortError', 'TimeoutError'])

/** What a signal ends a request with. */
const isOfSignal = (error: unknown): boolean => SIGNALS.has(read(error, 'name'))
