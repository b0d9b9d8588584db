import type { IncomingMessage } from 'node:http'
import type { Cause, Code } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Call } from '../exchange/calls.js'
import { read, text } from '../failures/rule.js'
import { type Problem, receivedStatus } from './problem.js'

/**
 * What `onError` gets beside the error: plain values, made to be logged as they are. Query strings,
 * credentials and cookies of the request are in none of them.
 */
export interface ErrorInfo {
  readonly code: Code
  readonly cause: Cause
  /** The low-level error in words; the error itself is the `cause` of the first argument. */
  readonly error?: LowLevelError
  /** The upstream: its name where a circuit breaker gave one, its status where it answered. */
  readonly upstream?: { readonly name?: string; readonly status?: number }
  /** How long the call took that failed, or was the last one; without a call there are none. */
  readonly timings?: Timings
  /** Id of the request, as the client got it. */
  readonly requestId: string
  /** Id of the trace that the request belongs to (W3C Trace Context, field `traceparent`). */
  readonly traceId?: string
  readonly method: string
  /** Path of the request, without its query. */
  readonly path: string
  /** What the client got, or would have got when the head was out already. */
  readonly problem: Problem
  /** The client does not get it: a `validate` in the mode `report` has let the exchange go on. */
  readonly reported?: true
}

/** A low-level error in words. */
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
  /** Until the connection stood, TLS included; 0 or nearly so for one that was used before. */
  readonly connect?: number
  /** Until the head of the response was there. */
  readonly firstByte?: number
  /** Until the end of the call, or until now. */
  readonly total: number
}

/** Describes a problem for a log. */
export function infoOf(error: GatewayError, exchange: Exchange, problem: Problem): ErrorInfo {
  const { req } = exchange
  const lowLevel = lowLevelOf(error.cause, req)
  const upstream = upstreamOf(error, exchange)
  const { last } = exchange.calls
  const traceId = traceIdOf(req)
  return {
    code: error.code,
    cause: problem.cause,
    ...(lowLevel && { error: lowLevel }),
    ...(upstream && { upstream }),
    ...(last && { timings: timingsOf(last) }),
    requestId: problem.request_id,
    ...(traceId !== undefined && { traceId }),
    method: req.method ?? '',
    path: pathOf(req),
    problem: { ...problem, detail: redact(problem.detail, req) },
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

/** `version-traceid-parentid-flags`; of later versions the first four parts are the same. */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/

function traceIdOf({ headers }: IncomingMessage): string | undefined {
  const { traceparent } = headers
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined
}

/** Absolute targets, which proxies are sent, may hold a password. */
export function pathOf({ url = '' }: IncomingMessage): string {
  const path = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '')
  return path.split(/[?#]/, 1)[0] ?? ''
}

/** How far wrappers without a code of their own (`fetch failed`) are looked into. */
const MAX_DEPTH = 5

function lowLevelOf(cause: unknown, req: IncomingMessage): LowLevelError | undefined {
  if (cause === undefined || cause === null) return undefined
  let error = cause
  for (let depth = 0; depth < MAX_DEPTH && text(error, 'code') === ''; depth++) {
    const inner = read(error, 'cause')
    if (typeof inner !== 'object' || inner === null) break
    error = inner
  }
  const code = text(error, 'code')
  const syscall = text(error, 'syscall')
  const message = typeof error === 'object' ? text(error, 'message') : String(error)
  return {
    name: text(error, 'name') || typeof error,
    message: redact(message, req),
    ...(code !== '' && { code }),
    ...(syscall !== '' && { syscall }),
  }
}

/** Takes out what libraries put into their messages: URLs with queries, fields of the request. */
function redact(message: string, req: IncomingMessage): string {
  let clean = message.replace(/\/\/[^\s/@]+@/g, '//…@').replace(/(?:\?|%3f)[^\s"'<>]+/gi, '?…')
  for (const secret of secretsOf(req)) clean = clean.replaceAll(secret, '…')
  return clean
}

/** The fields of a request that hold credentials, by what is usual in their names. */
const SECRET_FIELD = /authorization|cookie|token|secret|password|(?:^|-)key$/
/** Anything shorter would be found everywhere. */
const SHORTEST_SECRET = 4

function secretsOf({ headers, url = '' }: IncomingMessage): string[] {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    SECRET_FIELD.test(name) ? [String(value), ...String(value).split(/[\s;=,]+/)] : [],
  )
  const mark = url.indexOf('?')
  const query = mark === -1 ? '' : url.slice(mark + 1)
  const raw = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
  const decoded = [...new URLSearchParams(query).values()]
  const secrets = [...fields, ...raw, ...decoded].filter(({ length }) => length >= SHORTEST_SECRET)
  // What holds others goes first, so that nothing of it is left.
  return secrets.toSorted((a, b) => b.length - a.length)
}
