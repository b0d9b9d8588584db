import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import { warnOnce } from '../common/warn.js'
import { brokenBy, clientLeft, type Exchange, type Step } from '../exchange/exchange.js'
import { type Head, type HeadListener, onHead } from '../response/gate.js'
import { isMadeUp, type Origin, originOf } from '../observer/origin.js'
import { startObserver } from '../observer/start.js'
import { observe, watch } from '../observer/watch.js'
import { hasPassed } from './loop.js'
import { pathOf } from './info.js'
import { type ProblemDetailsOptions, readOptions, type Settings } from './options.js'
import { forHost } from './thrown.js'
import { type HostTraits, unhandledError } from './unhandled.js'
import { isWrapped, wrap } from './wrap.js'
import { Writer } from './writer.js'

/**
 * Answers every failure below it with the standard body.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function problemDetailsStep(
  options: ProblemDetailsOptions = {},
  { pages = false }: HostTraits = {},
): Step {
  const settings = readOptions(options)
  // Not the default name: another gateway may have it too, and its requests are no loop.
  const ownName = options.name
  const writer = new Writer(settings)
  const rules = { ...settings, pages }
  startObserver()
  return async function problemDetails(exchange, next) {
    if (isMisplaced(exchange, rules)) return void (await next())
    watch(exchange)
    exchange.guarded = true
    exchange.answer = (error) => writer.answer(exchange, error)
    exchange.report = (error) => void writer.report(exchange, error, true)
    onHead(exchange, replacement(exchange, rules, writer))
    exchange.closers.push(() => reportCut(exchange, writer))
    try {
      if (ownName !== undefined && hasPassed(exchange.req, ownName))
        throw new GatewayError('loop_detected')
      await observe(exchange, next)
    } catch (error) {
      const answered = writer.answer(exchange, error)
      // The client has its answer; the host logs a defect of the application.
      if (answered.code === 'gateway_error') throw forHost(error, answered)
    }
  }
}

/** Whether `problemDetails` is mounted twice or too late for this request: then it does nothing. */
function isMisplaced({ guarded, req, res }: Exchange, place: object): boolean {
  const request = `${req.method} ${pathOf(req)}`
  if (guarded)
    warnOnce(
      place,
      `${request}: problemDetails is mounted twice on this path; the first one answers. Remove one.`,
    )
  else if (res.headersSent)
    warnOnce(
      place,
      `${request}: problemDetails ran after the response had begun; mount it before the middleware that answers.`,
    )
  return guarded || res.headersSent
}

type Rules = Settings & Required<HostTraits>

/** Decides at the head of a response whether it is replaced, and by which error. */
function replacement(exchange: Exchange, rules: Rules, writer: Writer): HeadListener {
  return (head) => {
    const { status } = head
    if (exchange.settled || clientLeft(exchange)) return undefined
    const origin = originOf(exchange, status)
    const ours = isOurs(origin, rules, head)
    const unhandled = ours ? undefined : unhandledError(exchange, head, origin, rules)
    const wanted =
      status === undefined ? undefined : ask('intercept', rules.intercept, exchange, status)
    if (!(wanted ?? (ours || unhandled))) return undefined
    if (origin.by === 'upstream' && !unhandled) return () => wrap(exchange, origin.call, writer)
    const error = unhandled ?? (origin.by === 'failure' ? origin.failure : unwanted(status))
    return () => void writer.answer(exchange, error)
  }
}

/** Whether a response is replaced when `intercept` gives undefined. */
function isOurs(origin: Origin, { upstreamErrors }: Settings, head: Head): boolean {
  if (origin.by === 'failure') return isMadeUp(head.status)
  return origin.by === 'upstream' && upstreamErrors === 'wrap' && isWrapped(head)
}

/** The error for a response of the application that `intercept` wants replaced. */
function unwanted(status = 502): GatewayError {
  return new GatewayError(status < 500 ? 'request_rejected' : 'gateway_error', {
    ...(status >= 400 && { status }),
  })
}

/** Reports a response that the application has destroyed, or whose client has left. */
function reportCut(exchange: Exchange, writer: Writer): void {
  const broken = brokenBy(exchange)
  if (broken) writer.answer(exchange, broken)
  else if (clientLeft(exchange)) writer.report(exchange, new GatewayError('client_closed_request'))
}
