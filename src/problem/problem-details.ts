import { ask } from '../common/callback.js'
import { warnOnce } from '../common/warn.js'
import { GatewayError, withoutStack } from '../errors/gateway-error.js'
import type { Exchange, Follower } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { pathOf } from '../exchange/in-words.js'
import { reasonOfLeaving } from '../exchange/leaving.js'
import { POLICY } from '../exchange/upstream-fields.js'
import { isMadeUp, type Origin } from '../exchange/origin.js'
import { startObserver } from '../observer/start.js'
import { observe, watch } from '../observer/watch.js'
import { brokenBy, clientLeft } from '../response/client.js'
import type { Head, Wish } from '../response/head.js'
import { hasPassed } from './loop.js'
import { type ProblemDetailsOptions, readOptions, type Settings } from './options.js'
import { forHost } from './thrown.js'
import { type HostTraits, pageCheck, unhandledError } from './unhandled.js'
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
  const place = new ProblemDetails(writer, { ...settings, pages })
  startObserver()
  return function problemDetails(exchange, next) {
    if (isMisplaced(exchange, place)) return next()
    watch(exchange)
    exchange.hasProblemDetails = true
    exchange.responder = writer
    exchange.policy = exchange.res.getHeader(POLICY)
    exchange.follow(place)
    const failed = (error: unknown): void => {
      const answered = writer.fail(exchange, error)
      // The client has its answer; the host logs a defect of the application.
      if (answered.code === 'gateway_error') throw forHost(error, answered)
    }
    const isLoop = ownName !== undefined && hasPassed(exchange.req, ownName)
    const ended = isLoop ? Promise.reject(withoutStack('loop_detected')) : observe(exchange, next)
    return ended.catch(failed)
  }
}

/** Whether `problemDetails` is mounted twice or too late for this request: then it does nothing. */
function isMisplaced({ hasProblemDetails, req, res }: Exchange, place: object): boolean {
  if (!hasProblemDetails && !res.headersSent) return false
  const request = `${req.method} ${pathOf(req)}`
  const mistake = hasProblemDetails
    ? 'is mounted twice on this path; the first one answers. Remove one.'
    : 'ran after the response had begun; mount it before the middleware that answers.'
  warnOnce(place, `${request}: problemDetails ${mistake}`)
  return true
}

type Rules = Settings & Required<HostTraits>

/** What one `problemDetails` does at the head and at the end of each request. */
class ProblemDetails implements Follower {
  readonly closesAt = 'report'
  readonly #writer: Writer
  readonly #rules: Rules

  constructor(writer: Writer, rules: Rules) {
    this.#writer = writer
    this.#rules = rules
  }

  /** Decides whether the response is replaced, and by which error. */
  atHead(exchange: Exchange, head: Head): Wish {
    const { origin = { by: 'application' }, response } = exchange
    if (response.settled || clientLeft(response)) return undefined
    const rules = this.#rules
    const ours = isOurs(origin, rules, head)
    const unhandled = ours ? undefined : unhandledError(exchange, head, rules)
    const wanted = wantedBy(rules, exchange, head.status)
    if (wanted ?? (ours || unhandled)) return this.#replace(exchange, head, unhandled)
    return wanted === undefined ? pageCheck(exchange, head, rules) : undefined
  }

  #replace(exchange: Exchange, { status }: Head, unhandled: GatewayError | undefined): Wish {
    const { origin } = exchange
    if (origin?.by === 'upstream' && !unhandled)
      return () => wrap(exchange, origin.call, this.#writer)
    const failure = origin?.by === 'failure' ? origin.failure : undefined
    const error = unhandled ?? failure ?? unwanted(status)
    return () => void this.#writer.fail(exchange, error)
  }

  /** Reports a response that the application has destroyed, or whose client has left. */
  closed(exchange: Exchange): void {
    const { response } = exchange
    const broken = brokenBy(response)
    if (broken) this.#writer.fail(exchange, broken)
    else if (clientLeft(response)) this.#writer.tell(exchange, reasonOfLeaving(exchange))
  }
}

/** Whether the user wants the response replaced; undefined leaves it to the rule. */
function wantedBy(
  { intercept }: Rules,
  exchange: Exchange,
  status: number | undefined,
): boolean | undefined {
  if (intercept === undefined || status === undefined) return undefined
  return ask('intercept', intercept, exchange, status)
}

/** Whether a response is replaced when `intercept` gives undefined. */
function isOurs(origin: Origin, { upstreamErrors }: Settings, head: Head): boolean {
  if (origin.by === 'failure') return isMadeUp(origin.failure, head)
  return origin.by === 'upstream' && upstreamErrors !== 'pass' && isWrapped(head, upstreamErrors)
}

/** The error for a response of the application that `intercept` wants replaced. */
function unwanted(status = 502): GatewayError {
  return new GatewayError(status < 500 ? 'request_rejected' : 'gateway_error', {
    ...(status >= 400 && { status }),
  })
}
