import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Call, type Calls, explain, upstreamError } from '../exchange/calls.js'
import { read } from '../failures/rule.js'
import { bind } from './bind.js'
import { currentExchange, observer } from './context.js'

interface RequestMessage {
  readonly request: Observed
}
interface ResponseMessage extends RequestMessage {
  readonly response: IncomingMessage
}
interface ErrorMessage extends RequestMessage {
  readonly error: unknown
}

/** The truth about which call a request is; null where it belongs to no request of a client. */
const CALL = Symbol.for('good-gateway.call/2')
type Observed = ClientRequest & { [CALL]?: HttpCall | null }

/** What the channels of `http` and `https` tell; made for `diagnostics_channel.subscribe`. */
export const httpChannels = {
  'http.client.request.created': (message: unknown) => {
    observer.hasCreatedChannel = true
    callOf((message as RequestMessage).request)
  },
  // Absent before Node 22.12 is the one above; the first seen wins.
  'http.client.request.start': (message: unknown) => {
    callOf((message as RequestMessage).request)
  },
  // Published at the head of the response, whatever its name says.
  'http.client.response.finish': (message: unknown) => {
    const { request, response } = message as ResponseMessage
    callOf(request)?.headArrived(response)
  },
  'http.client.request.error': (message: unknown) => {
    const { request, error } = message as ErrorMessage
    // The context of a reused connection's events is another request's.
    const call = request.reusedSocket ? request[CALL] : callOf(request)
    call?.broke(error)
  },
}

/** The call that a request of `http` or `https` is, begun if it is new. */
export function callOf(request: Observed): HttpCall | undefined {
  const known = request[CALL]
  if (known !== undefined) return known ?? undefined
  const exchange = currentExchange()
  if (exchange === undefined) {
    // Node 20 may tell of it again, in the context that it belongs to.
    if (observer.hasCreatedChannel) request[CALL] = null
    return undefined
  }
  const call = new HttpCall(exchange.calls, request)
  request[CALL] = call
  bind(call, exchange.calls)
  call.timeConnection()
  request.on('close', closeOfRequest)
  return call
}

function closeOfRequest(this: Observed): void {
  this[CALL]?.requestClosed()
}

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

/** A request of `http` or `https`. */
export class HttpCall extends Call {
  #request: ClientRequest | undefined
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
    const coding = response.headers['transfer-encoding']
    this.answered({ status: response.statusCode ?? 0, coding })
  }

  /** A switch of protocols that nobody has asked for closes a request, and Node emits no error. */
  requestClosed(): void {
    const request = this.#request
    const isUnasked = this.#response?.statusCode === 101 && request?.listenerCount('upgrade') === 0
    if (this.state === 'open' && isUnasked) {
      this.fail(upstreamError(this.calls?.owner, 'upstream_upgrade_failed'))
      this.answerFor()
    }
  }

  /** The request has emitted an error. */
  broke(error: unknown): void {
    const response = this.#response
    this.endedHere = isEndedHere(this.#request)
    // Bytes after a whole response: what was let through is good, only the connection is not.
    if (response?.complete && this.calls?.owner.response.res.headersSent) return
    if (response && this.#request?.destroyed && !endedByPeer(response))
      this.abortedByApplication(this.#timeout(error))
    else this.fail(this.#meaningOf(error))
  }

  /** The response has ended before its time. */
  responseBroke(response: IncomingMessage): void {
    // A whole response that nobody has read to its end is said to be aborted, too.
    if (response.complete) return
    if (endedByPeer(response)) this.fail(response.errored)
    else this.abortedByApplication(this.#timeout(response.errored))
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

  feeds(target: Writable): boolean {
    const { _readableState: state } = (this.#response ?? {}) as Piped
    return Array.isArray(state?.pipes) && state.pipes.includes(target)
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

  #timeout(cause: unknown): Error {
    return upstreamError(this.calls?.owner, 'upstream_timeout', { cause })
  }
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
  return socket.readableEnded || socket.errored !== null
}
