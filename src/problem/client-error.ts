import { crypto, http } from '../common/builtins.js'
import type { Duplex } from 'node:stream'
import { ask, callBack, warnThrew } from '../common/callback.js'
import type { ErrorText, ProblemEvent } from '../common/event-shapes.js'
import { problem as problemChannel, tell } from '../common/events.js'
import { checkedOptions } from '../common/options.js'
import { type Code, codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { answeringOn } from '../exchange/connection.js'
import { knownExchange } from '../exchange/exchange.js'
import { lowLevelOf } from '../exchange/in-words.js'
import { text } from '../failures/rule.js'
import { type Format, type Rendered, render } from './formats.js'
import type { ErrorInfo } from './info.js'
import { CHECKS, DEFAULTS, type ProblemDetailsOptions } from './options.js'
import type { Problem } from './problem.js'
import { proxyStatusOf } from './proxy-status.js'
import { isHarmless } from './request-id.js'

/** Options of `clientErrorListener`; those of the same name of `problemDetails`, without a request. */
export interface ClientErrorOptions extends Pick<ProblemDetailsOptions, 'name' | 'typeBase'> {
  /** Format of the bodies. @defaultValue `'problem'` */
  readonly format?: Format
  /** Makes the id: there is no request yet. @defaultValue a new id each time */
  readonly requestId?: () => string | undefined
  /** Called for every refusal; there is no exchange that it could be given. */
  readonly onError?: (error: GatewayError, info: ErrorInfo) => void
}

/** A listener for `server.on('clientError', …)`. */
export type ClientErrorListener = (error: Error, socket: Duplex) => void

/**
 * Answers what Node's server refuses by itself, before there is a request: 400 `request_malformed`,
 * 408 `request_timeout` and 431 `request_rejected` get the standard body and reach `onError`.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * server.on('clientError', clientErrorListener({ onError: (error, { problem }) => log.info({ problem }) }))
 */
export function clientErrorListener(options: ClientErrorOptions = {}): ClientErrorListener {
  const { name, format, typeBase, requestId, onError } = CHECKS
  const checks = { name, format, typeBase, requestId, onError }
  const settings = { ...DEFAULTS, ...checkedOptions('clientErrorListener', options, checks) }
  return (error, socket) => {
    try {
      refuse(error, socket as Refused, settings)
    } catch (thrown) {
      warnThrew('clientErrorListener', thrown)
      socket.destroy()
    }
  }
}

/** Node tells of each part of what it cannot read. */
const ANSWERED = Symbol('answered')
type Refused = Duplex & { [ANSWERED]?: true }

type Settings = Required<Pick<ClientErrorOptions, 'name' | 'format' | 'typeBase'>> &
  Pick<ClientErrorOptions, 'requestId' | 'onError'>

function refuse(cause: Error, socket: Refused, settings: Settings): void {
  if (socket[ANSWERED]) return
  socket[ANSWERED] = true
  const before = answeringOn(socket)
  const exchange = before && knownExchange(before.req)
  const error = refusalOf(cause)
  // The rest of a request that the middlewares have seen.
  if (exchange?.hasProblemDetails && !exchange.req.complete && !before?.headersSent)
    return void exchange.fail(error)
  // Nothing may be written into the answer to another request.
  if (text(cause, 'code') === 'ECONNRESET' || !socket.writable || before?.headersSent)
    return void socket.destroy(cause)
  const problem = problemOf(error, settings)
  report(error, problem, settings)
  close(socket, messageOf(error, problem, render(problem, settings.format), settings.name))
}

/** The statuses of Node's own. */
const REFUSALS: Readonly<Record<string, readonly [Code, number]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 408],
  HPE_HEADER_OVERFLOW: ['request_rejected', 431],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['request_rejected', 413],
}

function refusalOf(cause: Error): GatewayError {
  const [code, status] = REFUSALS[text(cause, 'code')] ?? (['request_malformed', 400] as const)
  return new GatewayError(code, { status, cause })
}

function problemOf(error: GatewayError, { typeBase, requestId }: Settings): Problem {
  const { title, cause } = codes[error.code]
  const id = ask('requestId', requestId)
  return {
    type: typeBase + error.code,
    title,
    status: error.status,
    detail: error.message,
    code: error.code,
    cause,
    retryable: false,
    request_id: isHarmless(id) ? id : crypto.randomUUID(),
  }
}

function report(error: GatewayError, body: Problem, { onError }: Settings): void {
  const lowLevel = lowLevelOf(error.cause)
  tell(problemChannel, eventOf, { error, body, lowLevel })
  const info: ErrorInfo = {
    code: error.code,
    cause: body.cause,
    ...(lowLevel && { error: lowLevel }),
    requestId: body.request_id,
    method: '',
    path: '',
    problem: body,
  }
  callBack('onError', onError, error, info)
}

/** There is no request that it could be about. */
function eventOf({ error, body, lowLevel }: Refusal): ProblemEvent {
  return {
    exchange: undefined,
    code: error.code,
    cause: body.cause,
    status: body.status,
    detail: body.detail,
    retryable: body.retryable,
    requestId: body.request_id,
    traceId: undefined,
    spanId: undefined,
    method: '',
    route: undefined,
    path: '',
    upstream: undefined,
    upstreamStatus: undefined,
    afterHead: false,
    reported: false,
    error: lowLevel,
    times: undefined,
    problem: body,
  }
}

interface Refusal {
  readonly error: GatewayError
  readonly body: Problem
  readonly lowLevel: ErrorText | undefined
}

function messageOf(
  error: GatewayError,
  problem: Problem,
  rendered: Rendered,
  name: string,
): string {
  const { status } = problem
  const circumstances = { name, details: false, received: undefined, existing: [] }
  const fields = {
    ...rendered.headers,
    'Content-Type': rendered.contentType,
    'Content-Length': String(Buffer.byteLength(rendered.body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': problem.request_id,
    'Proxy-Status': proxyStatusOf(error, circumstances),
    Date: new Date().toUTCString(),
    Connection: 'close',
  }
  const lines = Object.entries(fields).map(([field, value]) => `${field}: ${value}`)
  return [`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, ...lines, '', rendered.body].join(
    '\r\n',
  )
}

/** Milliseconds for a client that still sends to read the answer (RFC 9112, section 9.6). */
const LONGEST_CLOSE = 2000

function close(socket: Duplex, message: string): void {
  const timer = setTimeout(() => socket.destroy(), LONGEST_CLOSE).unref()
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end(message)
  socket.resume()
}
