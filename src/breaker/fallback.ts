import { warnThrew } from '../common/callback.js'
import { codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { clientLeft, type Exchange } from '../exchange/exchange.js'
import { onHead, sealExcept } from '../response/gate.js'
import { bare } from '../response/respond.js'
import { successorOf } from '../exchange/fallback-exchange.js'
import { currentFailure, isMadeUp, originOf } from '../observer/origin.js'
import { callsOf, observer } from '../observer/context.js'
import { watch } from '../observer/watch.js'
import type { Fallback } from './options.js'

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
): Promise<void> {
  const { answer } = exchange
  for (const watcher of callsOf(exchange).watchers) watcher.superseded?.()
  bare(exchange)
  const open = sealExcept(exchange)
  // What fails late in the application is not news.
  exchange.answer = () => error
  const successor = successorOf(exchange, open)
  successor.answer = () => open(() => answer(error))
  watch(successor)
  // It may wait for a body that the call before has read.
  const timer = setTimeout(successor.answer, LONGEST_FALLBACK, error).unref()
  onHead(successor, ({ status }) => {
    clearTimeout(timer)
    return failureAt(successor, status) ? () => void answer(error) : undefined
  })
  exchange.closers.push(() => clearTimeout(timer))
  try {
    await observer.store.run(successor, async () => fallback(successor, error))
  } catch (failure) {
    // To throw what it was told is the way of a fallback to say that it has nothing.
    if (failure !== error) warnThrew('fallback', failure)
    successor.answer(error)
  }
}

/** The failure that a head is about to tell of, when the gateway made the response up for one. */
export function failureAt(
  exchange: Exchange,
  status: number | undefined,
): GatewayError | undefined {
  if (exchange.settled || clientLeft(exchange)) return undefined
  const origin = originOf(exchange, status)
  return isMadeUp(status) && origin.by === 'failure' ? ifAsked(origin.failure) : undefined
}

/** The failure behind an error, unless the application means it for the client or it is its own. */
export function failureBehind(exchange: Exchange, thrown: unknown): GatewayError | undefined {
  if (exchange.settled || exchange.res.headersSent || clientLeft(exchange)) return undefined
  if (GatewayError.is(thrown)) return ifAsked(thrown)
  const { status, statusCode } = Object(thrown) as Record<string, unknown>
  if (Number(status ?? statusCode) < 500) return undefined
  const { last } = callsOf(exchange)
  return last && ifAsked(currentFailure(last))
}

/** A fallback is asked about upstreams only. */
function ifAsked(error: GatewayError | undefined): GatewayError | undefined {
  return error !== undefined && codes[error.code].about === 'upstream' ? error : undefined
}
