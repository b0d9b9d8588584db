import type { IncomingMessage } from 'node:http'
import { hasBody } from '../content/framing.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Call } from '../exchange/calls.js'
import { explain } from '../exchange/explain.js'
import { type Exchange, type Follower, knownExchange } from '../exchange/exchange.js'
import { pipeFramed } from '../exchange/framing.js'
import { reasonOfLeaving } from '../exchange/leaving.js'
import { tellProblem } from '../exchange/tell.js'
import { bodySpent, isBodySpent, wasRead } from '../exchange/spent-body.js'
import { brokenBy, clientLeft } from '../response/client.js'
import { hook, seal } from '../response/hooks.js'
import { currentExchange, exchangeOfBody, hasEntered, observer, runIn } from './context.js'
import { takeBody } from './http.js'
import { giveBack, waitsForCall, waitsNoMore } from './owner.js'

/** Runs the rest of a request so that its outgoing calls are known as its own. */
export function observe(exchange: Exchange, next: () => Promise<unknown>): Promise<unknown> {
  return runIn(exchange, next)
}

/** Follows a request to its end: who answers it, and whether the client stays. */
export function watch(exchange: Exchange): void {
  if (exchange.isWatched) return
  exchange.isWatched = true
  waitsForCall(exchange.calls)
  exchange.follow(ABORT)
  hook(exchange.response)
  const { req } = exchange
  req.pipe = announcePiped
  if (!observer.tellsOfCreation && hasBody(req) && !hasEntered(req)) keepContext(req)
}

/** A response that closes before it was whole ends the calls that were made for it. */
const ABORT: Follower = {
  closesAt: 'calls',
  callStarted(call) {
    const { calls } = call
    if (calls === undefined) return
    waitsNoMore(calls)
    if (call.madeIn === undefined) giveBack(calls)
    if (wasRead(calls.owner.req)) setTimeout(judgeBody, PATIENCE, call).unref()
  },
  closed(exchange) {
    waitsNoMore(exchange.calls)
    const reason = reasonOfCut(exchange)
    if (reason === undefined) return
    // What the proxy makes of the calls that end now, nobody reads; but it may throw.
    seal(exchange.response, 'closed')
    // `problemDetails` tells it with the id of the request.
    if (!exchange.hasProblemDetails) tellProblem(exchange, reason)
    exchange.calls.abort(reason)
  },
}

/** Milliseconds until a call must have begun to send a body that it has announced. */
const PATIENCE = 1000

/** A proxy would wait for ever for a body that was read before. */
function judgeBody(call: Call): void {
  const owner = call.calls?.owner
  if (owner === undefined || call.state !== 'open' || call.status !== undefined) return
  if (!isBodySpent(call, owner.req)) return
  call.failure = bodySpent(owner.req)
  call.answerFor()
}

/** Why a response closed before it was whole; undefined when it was, or when the gateway has cut it. */
function reasonOfCut(exchange: Exchange): GatewayError | undefined {
  if (clientLeft(exchange.response)) return reasonOfLeaving(exchange)
  const broken = brokenBy(exchange.response)
  return (
    broken && (explain(broken, exchange) ?? new GatewayError('gateway_error', { cause: broken }))
  )
}

type Pipe = IncomingMessage['pipe']

/**
 * Most proxies pipe the incoming request into their own: the surest sign of whose call it is, and on
 * Node 20, which reports a request only when its body is sent, the first one.
 */
const announcePiped = function announcePiped(this: IncomingMessage, target, options) {
  takeBody(target, exchangeOfBody(this))
  return Reflect.apply(pipeFramed, this, [target, options]) as typeof target
} as Pipe

/**
 * Where no channel tells that a request begins, as over HTTP/2, events of its body belong to no request
 * by themselves; those of this one belong to it.
 */
function keepContext(req: IncomingMessage): void {
  const { emit } = req
  req.emit = function emitInContext(this: IncomingMessage, ...args: Parameters<typeof emit>) {
    const exchange = knownExchange(this)
    if (exchange === undefined || currentExchange()?.req === this)
      return Reflect.apply(emit, this, args)
    return runIn(exchange, (): boolean => Reflect.apply(emit, this, args))
  }
}
