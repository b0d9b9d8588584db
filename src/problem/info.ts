import type { IncomingMessage } from 'node:http'
import type { Cause, Code } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Call } from '../exchange/calls.js'
import { read, text } from '../failures/rule.js'
import { type Problem, receivedStatus } from './problem.js'

/**
 * What `onError` gets with the error: plain values that can be logged as they are. None of them
 * contains query strings, credentials or cookies of the request.
 */
export interface ErrorInfo {
  readonly code: Code
  readonly cause: Cause
  /** The low-level error as text; the error itself is the `cause` of the first argument. */
  readonly error?: LowLevelError
  /** The upstream: its name where a circuit breaker gave one, its status where it answered. */
  readonly upstream?: { readonly name?: string; readonly status?: number }
  /** Times of the call that stands for the request; absent when there was no call. */
  readonly timings?: Timings
  /** Id of the request, which the client got too. */
  readonly requestId: string
  /** Id of the trace that the request belongs to (W3C Trace Context, field `traceparent`). */
  readonly traceId?: string
  readonly method: string
  /** Path of the request, without its query. */
  readonly path: string
  /** The body that the client got, or would have got if the head had not been out already. */
  readonly problem: Problem
  /** Present when the client does not get the problem, because `validate` only reports it. */
  readonly reported?: true
}

/** A low-level error as text. */
export interface LowLevelError {
  readonly name: string
  readonly message: string
  /** Such as `ECONNREFUSED`. */
  readonly code?: string
  /** Such as `connect`. */
  readonly syscall?: string
}

/** Milliseconds since the call was started. */
export interface Timings {
  /** Until the connection was established, TLS included; about 0 for a reused connection. */
  readonly connect?: number
  /** Until the head of the response arrived. */
  readonly firstByte?: number
  /** Until the end of the call, or until now. */
  readonly total: number
}

/** Describes a problem for a log. */
export function infoOf(error: GatewayError, exchange: Exchange, problem: Problem): ErrorInfo {
  const { req } = exchange
  const seen = { headers: req.headers, url: targetOf(exchange) }
  const lowLevel = lowLevelOf(error.cause, seen)
  const upstream = upstreamOf(error, exchange)
  const { deciding } = exchange.calls
  const traceId = traceIdOf(req)
  return {
    code: error.code,
    cause: problem.cause,
    ...(lowLevel && { error: lowLevel }),
    ...(upstream && { upstream }),
    ...(deciding && { timings: timingsOf(deciding) }),
    requestId: problem.request_id,
    ...(traceId !== undefined && { traceId }),
    method: req.method ?? '',
    path: pathOf(seen),
    problem: { ...problem, detail: redact(problem.detail, seen) },
  }
}

function upstreamOf(error: GatewayError, exchange: Exchange): ErrorInfo['upstream'] {
  const name = error.options.upstream ?? exchange.upstream
  const status = receivedStatus(error, exchange)
  if (name === undefined && status === undefined) return undefined
  return { ...(name !== undefined && { name }), ...(status !== undefined && { status }) }
}

function timingsOf({ startedAt, connectedAt, answeredAt, endedAt }: Call): Timings {
  const since = (time: number) => Math.round((time - startedAt) * 10) / 10
  return {
    ...(connectedAt !== undefined && { connect: since(connectedAt) }),
    ...(answeredAt !== undefined && { firstByte: since(answeredAt) }),
    total: since(endedAt ?? performance.now()),
  }
}

/** `version-traceid-parentid-flags`; later versions have the same first four parts. */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/

function traceIdOf({ headers }: IncomingMessage): string | undefined {
  const { traceparent } = headers
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined
}

/** The target as the client sent it: Express and Koa keep it where they, or routers, rewrite it. */
function targetOf({ req, url, hostContext }: Exchange): string {
  return text(hostContext, 'originalUrl') || text(req, 'originalUrl') || url
}

/** What of a request must not be in a log. */
type Seen = Pick<IncomingMessage, 'headers'> & { readonly url?: string | undefined }

/** The path of a request, without an origin: the absolute target of a forward proxy may hold a password. */
export function pathOf({ url = '' }: Pick<Seen, 'url'>): string {
  const path = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '')
  return path.split(/[?#]/, 1)[0] ?? ''
}

/** How many errors without a `code` (such as `fetch failed`) are followed to their cause. */
const MAX_DEPTH = 5

/** A low-level error in words, without what the request holds in secret. */
export function lowLevelOf(cause: unknown, req?: Seen): LowLevelError | undefined {
  if (cause === undefined || cause === null) return undefined
  let error = cause
  for (let depth = 0; depth < MAX_DEPTH && text(error, 'code') === ''; depth++) {
    const inner = read(error, 'cause')
    if (typeof inner !== 'object' || inner === null) break
    error = inner
  }
  const code = text(error, 'code')
  const syscall = text(error, 'syscall')
  const message = typeof error === 'object' ? messageOf(error) : String(error)
  return {
    name: text(error, 'name') || typeof error,
    message: req ? redact(message, req) : message,
    ...(code !== '' && { code }),
    ...(syscall !== '' && { syscall }),
  }
}

/** The message of an error; that of an AggregateError is often empty, and its parts tell. */
function messageOf(error: unknown): string {
  const own = text(error, 'message')
  const parts = read(error, 'errors')
  if (own !== '' || !Array.isArray(parts)) return own
  const told = parts.slice(0, MAX_DEPTH).map((part: unknown) => text(part, 'message'))
  return [...new Set(told)].filter((message) => message !== '').join('; ')
}

/** Removes the query strings, credentials and fields of the request that libraries put into messages. */
function redact(message: string, req: Seen): string {
  let clean = message.replace(/\/\/[^\s/@]+@/g, '//…@').replace(/(?:\?|%3f)[^\s"'<>]+/gi, '?…')
  for (const secret of secretsOf(req)) clean = clean.replaceAll(secret, '…')
  return clean
}

/** The names of header fields that usually hold credentials. */
const SECRET_FIELD =
  /authorization|(?:^|[-_])auth$|cookie|token|secret|passw|passphrase|(?:^|[-_])pwd$|credential|signature|jwt|key$/
/** A shorter value occurs in too many messages by chance. */
const SHORTEST_SECRET = 4

function secretsOf({ headers, url = '' }: Seen): string[] {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    SECRET_FIELD.test(name) ? [String(value), ...String(value).split(/[\s;=,]+/)] : [],
  )
  const mark = url.indexOf('?')
  const query = mark === -1 ? '' : url.slice(mark + 1)
  const raw = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
  const decoded = [...new URLSearchParams(query).values()]
  const secrets = [...fields, ...raw, ...decoded].filter(({ length }) => length >= SHORTEST_SECRET)
  // The longest first: a secret that contains another one must be removed as a whole.
  return secrets.toSorted((a, b) => b.length - a.length)
}
