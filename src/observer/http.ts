import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type Call, explain, failure, type Transport } from '../exchange/call.js'
import { read } from '../failures/rule.js'
import { answered, answerFor, begin, end, fail, giveUp } from './life.js'
import { observer } from './context.js'

interface RequestMessage {
  readonly request: ClientRequest
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
    observer.tellsCreation = true
    callOf((message as RequestMessage).request)
  },
  // Absent before Node 22.12 is the one above; the first seen wins.
  'http.client.request.start': (message: unknown) => {
    callOf((message as RequestMessage).request)
  },
  // Published at the head of the response, whatever its name says.
  'http.client.response.finish': (message: unknown) => {
    const { request, response } = message as ResponseMessage
    const call = callOf(request)
    if (call === undefined) return
    // Emitted within destroy(), before the application hears of an error and may turn to something else.
    response.once('aborted', () => broke(call, response))
    response.once('close', () => end(call, response.complete ? 'complete' : 'dropped'))
    const coding = response.headers['transfer-encoding']
    answered(call, { status: response.statusCode ?? 0, coding, fields: () => response.headers })
  },
  'http.client.request.error': (message: unknown) => {
    const { request, error } = message as ErrorMessage
    // The context of a reused connection's events is another request's.
    const call = request.reusedSocket ? observer.byRequest.get(request) : callOf(request)
    if (call !== undefined) failed(call, request, error)
  },
}

/** The call that a request of `http` or `https` is, begun if it is new. */
export function callOf(request: ClientRequest): Call | undefined {
  const known = observer.byRequest.get(request)
  if (known) return known
  const call = begin(request, new HttpTransport(request))
  if (call === undefined) return undefined
  timeConnection(call, request)
  request.once('close', () => closed(call, request))
  return call
}

/** A switch of protocols that nobody has asked for closes a request without a word to anybody. */
function closed(call: Call, request: ClientRequest): void {
  const unasked = responseOf(request)?.statusCode === 101 && request.listenerCount('upgrade') === 0
  if (call.state === 'open' && unasked) {
    fail(call, failure(call.exchange, 'upstream_upgrade_failed', {}))
    answerFor(call)
  }
}

/** A connection of an agent's pool stands already. */
function timeConnection(call: Call, request: ClientRequest): void {
  const stands = () => (call.connectedAt ??= performance.now())
  const attached = (socket: Socket) => {
    if (!socket.connecting) return stands()
    return socket.once('encrypted' in socket ? 'secureConnect' : 'connect', stands)
  }
  if (request.socket) attached(request.socket)
  else request.once('socket', attached)
}

function failed(call: Call, request: ClientRequest, error: unknown): void {
  const response = responseOf(request)
  // Bytes after a whole response: what was let through is good, only the connection is not.
  if (response?.complete && call.exchange.res.headersSent) return
  if (response && request.destroyed && !endedByPeer(response)) giveUp(call, timeoutOf(call, error))
  else fail(call, meaningOf(call, request, error))
}

function meaningOf(call: Call, request: ClientRequest, error: unknown): unknown {
  // What the system says of the connection was not done on this side.
  if (timedOut(request) && read(error, 'syscall') === undefined) return timeoutOf(call, error)
  // A check of the user's own gives errors that no table knows.
  const unverified = isIdentityError(request, error) && explain(error, call.exchange) === undefined
  return unverified ? failure(call.exchange, 'upstream_tls_certificate', { cause: error }) : error
}

/** Node keeps the code of what `checkServerIdentity` gave, or its message. */
function isIdentityError({ socket }: ClientRequest, error: unknown): boolean {
  const told: unknown = (socket as TLSSocket | null)?.authorizationError
  return (
    told !== undefined && told !== null && told === (read(error, 'code') ?? read(error, 'message'))
  )
}

function broke(call: Call, response: IncomingMessage): void {
  // A whole response that nobody has read to its end is said to be aborted, too.
  if (response.complete) return
  if (endedByPeer(response)) fail(call, response.errored)
  else giveUp(call, timeoutOf(call, response.errored))
}

/** A timeout that the proxy has set: it destroyed the request, so Node speaks of a reset. */
function timedOut({ destroyed, socket }: ClientRequest): boolean {
  return destroyed && (socket?.timeout ?? 0) > 0
}

const timeoutOf = (call: Call, cause: unknown) =>
  failure(call.exchange, 'upstream_timeout', { cause })

/** Whether a response that broke was broken by the other side; `aborted` is said of both. */
function endedByPeer({ socket }: IncomingMessage): boolean {
  return socket.readableEnded || socket.errored !== null
}

/** Node keeps the response on the request. */
function responseOf(request: ClientRequest): IncomingMessage | undefined {
  return (request as { res?: IncomingMessage | null }).res ?? undefined
}

/** Nothing public tells what a stream is piped into. */
interface Piped {
  readonly _readableState?: { readonly pipes?: readonly unknown[] }
}

class HttpTransport implements Transport {
  readonly #request: ClientRequest

  constructor(request: ClientRequest) {
    this.#request = request
  }

  destroy(error?: Error): void {
    this.#request.destroy(error)
  }

  drain(): void {
    responseOf(this.#request)?.resume()
  }

  broken(): unknown {
    const response = responseOf(this.#request)
    // Given up on this side; Node tells of it in a moment, some libraries at once.
    if (!response && this.#request.destroyed)
      return this.#request.errored ?? new DOMException('The request was given up.', 'AbortError')
    const broken = response?.complete === false && response.errored && endedByPeer(response)
    return broken ? response.errored : undefined
  }

  feeds(target: Writable): boolean {
    const { _readableState: state } = (responseOf(this.#request) ?? {}) as Piped
    return Array.isArray(state?.pipes) && state.pipes.includes(target)
  }

  bytesRead(): number {
    return this.#request.socket?.bytesRead ?? 0
  }

  connected(): boolean {
    const socket = this.#request.socket as TLSSocket | null
    return (
      socket !== null &&
      !socket.connecting &&
      !(socket as { secureConnecting?: boolean }).secureConnecting
    )
  }
}
