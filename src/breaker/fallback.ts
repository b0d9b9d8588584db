import { warnThrew } from '../common/callback.js'
import { codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { announcedLength } from '../content/framing.js'
import { type KeptBody, unreadCopy } from '../exchange/kept-body.js'
import { adopt, Exchange, type Responder } from '../exchange/exchange.js'
import { viewOf } from '../exchange/fallback-view.js'
import { upstreamError } from '../exchange/explain.js'
import { meaningOfStatus } from '../failures/table.js'
import { isMadeUp, originOf } from '../exchange/origin.js'
import { dropUpstreamFields } from '../exchange/upstream-fields.js'
import { runIn } from '../observer/context.js'
import { watch } from '../observer/watch.js'
import { clientLeft } from '../response/client.js'
import type { Head } from '../response/head.js'
import { discardHeld } from '../response/hooks.js'
import { sealExcept, type Unsealed } from '../response/reopen.js'
import { afterWrappers, removeEntityFields } from '../response/respond.js'
import type { Fallback } from '../exchange/circuit-options.js'

/** Milliseconds until a fallback must have begun to answer. */
const LONGEST_FALLBACK = 60_000

/**
 * Lets the fallback answer in place of the application, which may still be writing: what it writes
 * goes nowhere from now on.
 *
 * The fallback's calls are evidence about its own answer only. When it fails itself, the client gets
 * the standard body of the error that it was asked about.
 */
export async function fallBack(
  exchange: Exchange,
  error: GatewayError,
  fallback: Fallback,
  kept?: KeptBody,
): Promise<void> {
  exchange.fallbackFor = error
  supersede(exchange)
  const wrappers = untilWrappersEnd(exchange)
  const { responder } = exchange
  // What fails late in the application is not news.
  exchange.responder = { fail: () => error }
  const own = fallbackExchange(exchange, isRead(exchange, kept), (open) => ({
    fail: () => open(() => responder.fail(exchange, error)),
  }))
  watch(own)
  // It may wait for a body that the call before has read.
  const timer = setTimeout(() => own.fail(error), LONGEST_FALLBACK).unref()
  own.follow({
    atHead: (_, head) => {
      clearTimeout(timer)
      return failureAt(own, head) ? () => void responder.fail(exchange, error) : undefined
    },
  })
  exchange.follow({
    closesAt: 'calls',
    closed: () => {
      clearTimeout(timer)
      exchange.origin = own.origin
      own.close()
    },
  })
  try {
    if (!(await hasBodyFor(own, exchange, kept))) return void own.fail(error)
    await wrappers
    await runIn(own, async () => fallback(own, error))
  } catch (failure) {
    // A fallback that throws the error it was given declines to answer.
    if (failure !== error) warnThrew('fallback', failure)
    own.fail(error)
  }
}

/** Takes back what was about to be answered. */
function supersede(exchange: Exchange): void {
  exchange.calls.tellSuperseded()
  discardHeld(exchange.response)
  removeEntityFields(exchange.response)
  dropUpstreamFields(exchange)
}

/** What the application has wrapped around a head that is replaced must not see the end of this answer before. */
function untilWrappersEnd({ response }: Exchange): Promise<void> | undefined {
  if (response.phase !== 'passed') return undefined
  return new Promise((resolve) => afterWrappers(response, resolve) || resolve())
}

/** The exchange that a fallback gets: the same request, calls of its own, and a response that is open to it alone. */
function fallbackExchange(
  exchange: Exchange,
  copies: boolean,
  responderOf: (open: Unsealed) => Responder,
): Exchange {
  const { response } = exchange
  // The view needs the seal, the seal its keeper, and the keeper is made with the view.
  const open: Unsealed = (work) => unsealed(work)
  const { req } = exchange
  const own = new Exchange(
    copies ? unreadCopy(req) : req,
    viewOf(response, open),
    exchange.url,
    response,
  )
  if (own.req !== req) adopt(own)
  const unsealed = sealExcept(response, own)
  own.params = exchange.params
  own.valid = exchange.valid
  own.route = exchange.route
  own.operationId = exchange.operationId
  own.mountPath = exchange.mountPath
  own.upstream = exchange.upstream
  own.trace = exchange.trace
  own.hasProblemDetails = exchange.hasProblemDetails
  own.responder = responderOf(open)
  return own
}

/** Gives the copy of a request its body; false where that is larger than what is kept. */
async function hasBodyFor(own: Exchange, exchange: Exchange, kept?: KeptBody): Promise<boolean> {
  if (own.req === exchange.req) return true
  const bytes = await (exchange.body ?? kept?.whole())
  if (bytes === undefined) return false
  own.body = Promise.resolve(bytes)
  own.req.push(bytes)
  own.req.push(null)
  return true
}

/** Whether somebody has begun to read a body that is there all the same, peeked or kept. */
const isRead = ({ req, body }: Exchange, kept?: KeptBody): boolean =>
  (body !== undefined || kept !== undefined) && announcedLength(req) !== 0

/** The failure that a head is about to tell of, when the gateway made the response up for one. */
export function failureAt(exchange: Exchange, head: Head): GatewayError | undefined {
  if (exchange.response.settled || clientLeft(exchange.response)) return undefined
  const origin = exchange.origin ?? originOf(exchange.calls, head.status)
  if (origin.by !== 'failure' || !isMadeUp(origin.failure, head)) return undefined
  return ifAsked(origin.failure)
}

/** What an upstream's own answer means, where the fallback is asked for its status. */
export function asksAt(exchange: Exchange, statuses: readonly number[]): GatewayError | undefined {
  const { origin, response } = exchange
  if (origin?.by !== 'upstream' || response.settled || clientLeft(response)) return undefined
  const { status = 0 } = origin.call
  if (!statuses.includes(status)) return undefined
  const { code, retry } = meaningOfStatus(status)
  return upstreamError(exchange, code, {
    status,
    ...(retry && { retry }),
    proxyStatus: { error: undefined, 'received-status': status },
  })
}

/** The failure behind an error, unless the application means it for the client or it is its own. */
export function failureBehind(exchange: Exchange, thrown: unknown): GatewayError | undefined {
  const { response, calls } = exchange
  if (response.settled || exchange.res.headersSent || clientLeft(response)) return undefined
  if (GatewayError.is(thrown)) return ifAsked(thrown)
  const { status, statusCode } = Object(thrown) as Record<string, unknown>
  if (Number(status ?? statusCode) < 500) return undefined
  return ifAsked(calls.deciding?.currentFailure)
}

/** A fallback is asked about upstreams only. */
function ifAsked(error: GatewayError | undefined): GatewayError | undefined {
  return error !== undefined && codes[error.code].about === 'upstream' ? error : undefined
}
