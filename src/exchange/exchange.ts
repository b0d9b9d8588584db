import type { IncomingMessage, ServerResponse } from 'node:http'
import { http2StreamOf } from '../content/framing.js'
import type { GatewayError } from '../errors/gateway-error.js'
import type { Head } from '../response/gate.js'
import { answerPlainly } from './plain.js'

/** The request and response of the host; nothing of a framework. */
export interface Carrier {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Path parameters, where the host's router has found them. */
  readonly params?: Readonly<Record<string, string>> | undefined
  /** The request target before a router of the host has taken something off. */
  readonly url?: string | undefined
  /** What the host's router has taken off; undefined where the host does not tell. */
  readonly mountPath?: string | undefined
}

/** One request with its response: what the middlewares share, and what callbacks get on every host. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The request target as first seen. */
  readonly url: string
  /** Path parameters, decoded. */
  params: Readonly<Record<string, string>>
  /** Template of the route that matched, such as `/orders/:id`; in an OpenAPI document `/orders/{id}`. */
  route: string | undefined
  /** The `operationId` of the operation that matched, where the document has one. */
  operationId: string | undefined
  /** What the host's router has taken off the path; undefined where the host does not tell. @internal */
  mountPath: string | undefined
  /** Name of the upstream, once a circuit breaker has named it. */
  upstream: string | undefined
  /**
   * Answers with an error from outside the call stack (a timer, the death of an upstream), or cuts
   * the connection when the head is out; returns what it took the error for. `problemDetails` puts
   * its writer here.
   * @internal
   */
  answer: (error: unknown) => GatewayError
  /**
   * Tells the log hook of an error that changes nothing for the client. `problemDetails` puts its hook
   * here.
   * @internal
   */
  report: ((error: GatewayError) => void) | undefined
  /** Whether `problemDetails` writes the answers, so that no error has to travel through the host. @internal */
  guarded: boolean
  /** What `.fire` has rejected with last: Express shows only the status of an error passed on. @internal */
  rejected: GatewayError | undefined
  /** The gateway has answered or cut; what follows is neither the client's nor the upstream's doing. @internal */
  settled: boolean
  /** The head that was let through. @internal */
  head: Head | undefined
  /** Called at the close of the response. @internal */
  readonly closers: (() => void)[]
}

/** What every middleware is inside; the adapters of the entries turn it into their host's shape. */
export interface Step {
  (exchange: Exchange, next: () => Promise<unknown>): Promise<void>
  /** Whether it checks the body of each request, so that a route without bodies is no place for it. */
  readonly checksBody?: boolean
}

const KEY = Symbol.for('good-gateway.exchange')
type Branded = IncomingMessage & { [KEY]?: Exchange }

/** The exchange of a request: made at the first middleware that asks, the same for all that follow. */
export function exchangeOf({ req, res, params, url, mountPath }: Carrier): Exchange {
  const exchange = ((req as Branded)[KEY] ??= createExchange(req, res, url ?? req.url ?? ''))
  exchange.mountPath = mountPath
  // Express empties its own for what is mounted without any; those of a table of ours stay.
  const isTold = params !== undefined && Object.keys(params).length > 0
  if (params !== undefined && (isTold || exchange.route === undefined)) exchange.params = params
  return exchange
}

/** The exchange of a request that a middleware has seen. */
export function knownExchange(req: IncomingMessage): Exchange | undefined {
  return (req as Branded)[KEY]
}

function createExchange(req: IncomingMessage, res: ServerResponse, url: string): Exchange {
  const exchange: Exchange = {
    req,
    res,
    url,
    params: {},
    route: undefined,
    operationId: undefined,
    mountPath: undefined,
    upstream: undefined,
    answer: (error) => answerPlainly(exchange, error),
    report: undefined,
    guarded: false,
    rejected: undefined,
    settled: false,
    head: undefined,
    closers: [],
  }
  // One listener for all that waits for the end, so that the response of a long stream carries no more.
  res.once('close', () => exchange.closers.forEach((close) => close()))
  return exchange
}

/** Whether the client closed the connection before it had the whole response. */
export function clientLeft(exchange: Exchange): boolean {
  const { res, settled } = exchange
  // Of HTTP/2 only the stream tells at once.
  const gone =
    res.closed ||
    res.destroyed ||
    res.socket?.destroyed === true ||
    http2StreamOf(res)?.destroyed === true
  return gone && !settled && !isSent(exchange) && brokenBy(exchange) === undefined
}

// A response of HTTP/2 knows no writableFinished, or takes a reset for it.
const isSent = ({ res }: Exchange): boolean => res.writableEnded && (res.writableFinished ?? true)

/** What a pipeline says of a client that has left, and what an abort in answer to that is. */
const ENDS_OF_CLIENTS: ReadonlySet<unknown> = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'AbortError'])

/** The error that the application has destroyed the response with, before the client had it all. */
export function brokenBy(exchange: Exchange): Error | undefined {
  const errored: (Error & { readonly code?: unknown }) | null | undefined = exchange.res.errored
  if (!errored || isSent(exchange)) return undefined
  const byClient = ENDS_OF_CLIENTS.has(errored.name) || ENDS_OF_CLIENTS.has(errored.code)
  return byClient ? undefined : errored
}
