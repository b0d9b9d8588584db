import type { IncomingHttpHeaders } from 'node:http'
import type { Writable } from 'node:stream'
import { type Code, codes } from '../errors/codes.js'
import { GatewayError, type GatewayErrorOptions } from '../errors/gateway-error.js'
import type { Exchange } from './exchange.js'
import { classify } from '../failures/classify.js'

/** What a client library lets us do with one of its requests. */
export interface Transport {
  /** Ends the request on this side; without an error it looks like a lost connection. */
  destroy(error?: Error): void
  /** Reads what nobody reads any more, where that is possible, so that the connection gets free. */
  drain(): void
  /** The error that broke the response, where no event has told it yet. */
  broken(): unknown
  /** Whether the response is piped into a stream. */
  feeds(target: Writable): boolean
  /** Bytes that the connection has received so far. */
  bytesRead(): number
  /** Whether a connection stands, TLS included. */
  connected(): boolean
}

/** One outgoing call, as the observer has seen it so far. */
export interface Call {
  readonly exchange: Exchange
  readonly transport: Transport
  /** Milliseconds of the monotonic clock; so are the others. */
  readonly startedAt: number
  /** When its connection stood, TLS included; the start where it was used before. */
  connectedAt: number | undefined
  /** When the head of its response was there. */
  answeredAt: number | undefined
  /** When nothing more could come of it. */
  endedAt: number | undefined
  /** Status of its response, once the head is there. */
  status: number | undefined
  /** `open` until the whole response is there, the call has failed, or this side gave it up. */
  state: 'open' | 'complete' | 'failed' | 'dropped'
  /** Why it failed, in our words. */
  failure: GatewayError | undefined
  /** The header fields of the response, parsed when somebody asks. */
  fields: () => IncomingHttpHeaders
}

/** What somebody who follows the calls of a request is told. */
export interface CallWatcher {
  started?(call: Call): void
  answered?(call: Call): void
  ended?(call: Call): void
  /** Somebody else answers the request now, whatever becomes of its calls. */
  superseded?(): void
}

/** The calls of one request. */
export interface Calls {
  /** The one started last: it decides. */
  last: Call | undefined
  /** The one whose response was let through as the answer. */
  relay: Call | undefined
  /** Those whose response is not yet complete. */
  readonly open: Set<Call>
  readonly watchers: CallWatcher[]
  /** Set when this side has given up: a call that shows up late ends at once. */
  dropped: GatewayError | undefined
}

/** What an upstream may be called by. */
type Named = Pick<Exchange, 'upstream'>

/** Why a call failed: what broke it, in the light of how far it had come. */
export function failureOf(call: Call, error: unknown): GatewayError {
  const found = explain(error, call.exchange)
  if (found?.code === 'upstream_connection_lost') {
    // A connection that dies after the head leaves an incomplete response behind.
    if (call.status !== undefined)
      return failure(call.exchange, 'upstream_response_incomplete', { cause: error })
    // One that never stood has carried nothing.
    if (call.connectedAt === undefined)
      return failure(call.exchange, found.code, { ...found.options, retry: 'safe' })
  }
  return found ?? failure(call.exchange, 'upstream_error', { cause: error })
}

/** What a low-level error means, when it is a known one. */
export function explain(error: unknown, exchange: Named): GatewayError | undefined {
  if (GatewayError.is(error)) return error
  const { counts: _, code, ...options } = classify(error) ?? { counts: false }
  if (code === undefined) return undefined
  // The breakers of others do not tell how long they are open.
  const wait = codes[code].waits && { retryAfter: 1 }
  return failure(exchange, code, { ...options, ...wait, cause: error })
}

/** A failure that names the upstream of the request. */
export function failure(
  { upstream }: Named,
  code: Code,
  options: GatewayErrorOptions,
): GatewayError {
  return new GatewayError(code, { ...options, ...(upstream !== undefined && { upstream }) })
}

/** Ends a call on this side, for the reason given. */
export function dropCall(call: Call, reason: GatewayError): void {
  if (call.state !== 'open') return
  call.failure = reason
  // Proxies know a client that has left as a lost connection; only a timeout deserves an error.
  call.transport.destroy(reason.code === 'client_closed_request' ? undefined : reason)
}
