import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { SpanIds } from '../common/event-shapes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { warnThrew } from '../common/callback.js'
import { clientLeft } from '../response/client.js'
import { cut } from '../response/cut.js'
import { Gate } from '../response/gate.js'
import { discardHeld, hook, letGo } from '../response/hooks.js'
import type { Head, Wish } from '../response/head.js'
import { answerPlainly } from '../response/plain.js'
import { hasUnusualBody } from '../content/framing.js'
import { addRawFields } from '../content/raw-fields.js'
import { tidyFraming } from '../content/writable.js'
import { type CallFollower, Calls } from './calls.js'
import type { Carrier } from './carrier.js'
import { leaveConnection, onSocketClose } from './connection.js'
import { type Origin, originOf } from './origin.js'
import { pipeFramed } from './framing.js'
import { refusedHead } from './refused-head.js'
import { tellEnd, tellProblem, tellStart } from './tell.js'
import { type Review, reviewBy } from './review.js'
import { dropUpstreamFields } from './upstream-fields.js'

/** Answers errors; each stands in front of the one before. */
export interface Responder {
  /**
   * Answers an error, or cuts the connection when the head is out; returns what it took the error
   * for.
   */
  fail(exchange: Exchange, error: unknown): GatewayError
  /** Tells the log hook of an error that changes nothing for the client. */
  report?(exchange: Exchange, error: GatewayError): void
}

/** What happens when a request is over, in this order. */
const CLOSE_STEPS = ['response', 'calls', 'verdict', 'report'] as const
export type CloseStep = (typeof CLOSE_STEPS)[number]

/** Somebody who follows a request: is asked at its head, and told of its calls and of its end. */
export interface Follower extends CallFollower {
  /** Looks at the head that the application has made, and may answer in its place or have it held. */
  atHead?(exchange: Exchange, head: Head): Wish
  /** Looks at the response as those behind have left it, where nobody answers in its place. */
  review?(exchange: Exchange, head: Head): Review
  /** Why no further call may be made for the request, as it stands now. */
  readonly refusal?: GatewayError | undefined
  /** When it is told of the end. */
  readonly closesAt?: CloseStep
  /** The request is over. */
  closed?(exchange: Exchange): void
}

/** What links a request to the calls that are made for it; emptied when the request is over. */
export interface Context {
  exchange: Exchange | undefined
  /** Whether the client had left when the request was over. */
  clientLeft: boolean
}

/** The parts that a `validate` has let pass. */
export interface Validated {
  readonly by: object
  readonly parts: object
  readonly before: Validated | undefined
}

/** One request with its response: what the middlewares share, and what callbacks get on every host. */
export class Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The target of the request as it was first seen; hosts and proxies rewrite `req.url`. */
  readonly url: string
  /** Path parameters, decoded. */
  params: Readonly<Record<string, string>> = NO_PARAMS
  /** Template of the route that matched, such as `/orders/:id`; in an OpenAPI document `/orders/{id}`. */
  route: string | undefined = undefined
  /** The `operationId` of the operation that matched, where the document has one. */
  operationId: string | undefined = undefined
  /** What the host's router has taken off the path; undefined where the host does not tell. @internal */
  mountPath: string | undefined = undefined
  /** Name of the upstream, once a circuit breaker has named it. */
  upstream: string | undefined = undefined
  /** The client's side. @internal */
  readonly response: Gate
  /** The outgoing calls. @internal */
  readonly calls: Calls
  /** The body, once somebody has asked for it. @internal */
  body: Promise<Buffer> | undefined = undefined
  /** What was let pass, by each `validate`. @internal */
  valid: Validated | undefined = undefined
  /** What the host passes to its middlewares, where that is not the request. @internal */
  hostContext: object | undefined = undefined
  /** @internal */
  context: Context | undefined = undefined
  /** Whether `problemDetails` writes the answers, so that no error has to travel through the host. @internal */
  hasProblemDetails = false
  /** Whether a defect of the application was printed. @internal */
  isDefectTold = false
  /** What `.fire` has rejected with last, or a head that Node has refused: Express shows only the status of an error passed on. @internal */
  rejected: GatewayError | undefined = undefined
  /** Whether the request may be sent again, whatever its method. @internal */
  repeatable = false
  /** The `Content-Security-Policy` that was set before everything else. @internal */
  policy: OutgoingHttpHeader | undefined = undefined
  /** Who speaks at the head: decided once, read by all. @internal */
  origin: Origin | undefined = undefined
  /** When it began, where somebody listens to events; undefined where it is no request of its own. @internal */
  startedAt: number | undefined = undefined
  /** What has gone wrong last. @internal */
  problem: GatewayError | undefined = undefined
  /** The failure for which a fallback was asked to answer. @internal */
  fallbackFor: GatewayError | undefined = undefined
  /** The span of the request, once a tracer has said so. @internal */
  trace: SpanIds | undefined = undefined
  /** Who answers; the others stand behind. @internal */
  responder: Responder = PLAIN
  /** @internal */
  isClosed = false
  /** The method as it was first seen: a transform may change that of the request. @internal */
  readonly method: string
  /** Whether the observer follows it to its end. @internal */
  isWatched = false
  /** @internal */
  readonly followers: Follower[] = []
  /** Those of them that review the response. @internal */
  #reviewers: Follower[] | undefined = undefined

  /** @internal */
  constructor(req: IncomingMessage, res: ServerResponse, url: string, response?: Gate) {
    this.req = req
    this.res = res
    this.url = url
    this.method = req.method ?? ''
    this.response = response ?? new Gate(req, res, this)
    this.calls = new Calls(this, this.followers)
  }

  /**
   * Answers with an error from outside of the call stack: a timer, the death of an upstream. What
   * throws there would end the process, so the connection ends instead.
   *
   * @internal
   */
  fail(error: unknown): GatewayError {
    try {
      return this.responder.fail(this, error)
    } catch (cause) {
      warnThrew('the answer to a failure', cause)
      cut(this.response)
      return new GatewayError('gateway_error', { cause })
    }
  }

  /**
   * Node has refused to write a head. What a call has led to is often written in an event listener,
   * where nobody would catch it; without a call it is thrown on.
   *
   * @internal
   */
  refused(cause: unknown): boolean {
    const error = refusedHead(this.calls, cause, this.upstream)
    if (error === undefined) return false
    this.rejected = error
    if (this.calls.all.length === 0) return false
    this.fail(error)
    return true
  }

  /** Tells of an error that changes nothing for the client. @internal */
  report(error: GatewayError): void {
    this.responder.report?.(this, error)
  }

  /** @internal */
  follow(follower: Follower): void {
    if (follower.atHead ?? follower.review) hook(this.response)
    if (follower.review) (this.#reviewers ??= []).push(follower)
    if (!this.isClosed) this.followers.push(follower)
    else if (follower.closed) tellClosed(this, follower)
  }

  /** @internal */
  unfollow(follower: Follower): void {
    const { followers } = this
    const at = followers.indexOf(follower)
    // Mostly the last one, and a pop makes no new list.
    if (at === followers.length - 1) followers.pop()
    else if (at !== -1) followers.splice(at, 1)
  }

  /** Why no further call may be made for it: a circuit that has let it through has opened since. @internal */
  get refusal(): GatewayError | undefined {
    for (const { refusal } of this.followers) if (refusal) return refusal
    return undefined
  }

  /** Decides who speaks, and asks all followers. @internal */
  atHead(head: Head): Wish[] {
    const origin = (this.origin = originOf(this.calls, head.status))
    if (origin.by === 'upstream') this.calls.relay = origin.call
    const wishes: Wish[] = []
    for (const follower of this.followers) {
      const wish = askAtHead(this, follower, head)
      if (wish) wishes.push(wish)
    }
    const isAnswered = wishes.some((wish) => typeof wish === 'function')
    if (isAnswered || this.#reviewers === undefined) return wishes
    return [...wishes, reviewBy(this, this.#reviewers, head)]
  }

  /** The request is over; what it leads to is let go, so that no old object keeps a new one alive. @internal */
  close(): void {
    if (this.isClosed) return
    const { followers, context, response } = this
    leaveConnection(this)
    if (response.held) letGo(response)
    const left = clientLeft(response)
    this.isClosed = true
    for (const step of CLOSE_STEPS)
      for (let at = 0; at < followers.length; at++) {
        const follower = followers[at]
        if (follower?.closesAt === step) tellClosed(this, follower)
      }
    followers.length = 0
    this.calls.release()
    tellEnd(this)
    this.hostContext = undefined
    if (context === undefined) return
    context.exchange = undefined
    context.clientLeft = left
  }
}

/** Heads go out in event listeners of the proxy, where nobody would catch what throws. */
function askAtHead(exchange: Exchange, follower: Follower, head: Head): Wish {
  try {
    return follower.atHead?.(exchange, head)
  } catch (error) {
    warnThrew('the decision about a response', error)
    return undefined
  }
}

/** What throws at the end of a request stops no other. */
function tellClosed(exchange: Exchange, follower: Follower): void {
  try {
    follower.closed?.(exchange)
  } catch (error) {
    warnThrew('the end of a request', error)
  }
}

const NO_PARAMS: Readonly<Record<string, string>> = {}
const PLAIN: Responder = {
  fail(exchange, error) {
    const { response } = exchange
    discardHeld(response)
    if (!response.settled && !exchange.res.headersSent) dropUpstreamFields(exchange)
    const meant = GatewayError.is(error)
      ? error
      : new GatewayError('gateway_error', { cause: error })
    if (!response.settled && !clientLeft(response)) tellProblem(exchange, meant)
    return answerPlainly(response, meant)
  },
  report: (exchange, error) => tellProblem(exchange, error, { reported: true }),
}

/** The number changes with the shape of the object: copies of the package that differ keep apart. */
const KEY = Symbol.for('good-gateway.exchange/2')
type Branded<T> = T & { [KEY]?: Exchange }

/** The exchange of a request: made at the first middleware that asks, the same for all that follow. */
export function exchangeOf({ req, res, params, url, mountPath }: Carrier): Exchange {
  const exchange =
    (req as Branded<IncomingMessage>)[KEY] ?? createExchange(req, res, url ?? req.url ?? '')
  exchange.mountPath = mountPath
  // Express empties its own for what is mounted without any; those of a table of ours stay.
  if (params !== undefined && (exchange.route === undefined || hasNames(params)))
    exchange.params = params
  return exchange
}

/** Makes an exchange that of its own request, which is a copy. */
export function adopt(exchange: Exchange): void {
  ;(exchange.req as Branded<IncomingMessage>)[KEY] = exchange
}

/** The exchange of a request that a middleware has seen. */
export function knownExchange(req: IncomingMessage): Exchange | undefined {
  return (req as Branded<IncomingMessage>)[KEY]
}

function hasNames(params: object): boolean {
  for (const _ in params) return true
  return false
}

function createExchange(req: IncomingMessage, res: ServerResponse, url: string): Exchange {
  const exchange = new Exchange(req, res, url)
  addRawFields(req)
  if (req.httpVersionMajor === 1) tidyFraming(req)
  if (hasUnusualBody(req)) req.pipe = pipeFramed
  ;(req as Branded<IncomingMessage>)[KEY] = exchange
  ;(res as Branded<ServerResponse>)[KEY] = exchange
  res.on('close', closeOfResponse)
  onSocketClose(exchange)
  tellStart(exchange)
  return exchange
}

function closeOfResponse(this: Branded<ServerResponse>): void {
  this[KEY]?.close()
}
