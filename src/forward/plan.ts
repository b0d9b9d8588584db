import { waitIn } from '../common/retry-after.js'
import { codes } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'
import { type Exchange } from '../exchange/exchange.js'
import { isRepeatable } from '../exchange/repeatable.js'
import { upstreamError } from '../exchange/explain.js'
import { meaningOfStatus } from '../failures/table.js'
import { clientLeft } from '../response/client.js'
import { waitBefore } from './budget.js'
import type { ForwardCall } from './forward-call.js'
import type { Mounted } from './mounted.js'

/** What is done after an attempt that led to nothing: the same again, now or later, or the next target. */
export type Plan =
  | { readonly what: 'again' }
  | { readonly what: 'retry'; readonly wait: number }
  | { readonly what: 'next' }

/** How far a request has come. */
export interface Progress {
  /** Which target it is at. */
  readonly at: number
  /** How often it was sent again to this target. */
  readonly retries: number
  /** Whether its body can be sent once more. */
  readonly isWhole: boolean
}

/** What has become of an attempt: a failure, or a head. */
export interface Seen {
  readonly failure?: GatewayError | undefined
  readonly status?: number
  /** Whether nothing of it has reached the upstream. */
  readonly isUnsent?: boolean
  /** The field `Retry-After`. */
  readonly asked?: string | undefined
}

/** Whether somebody has answered already, or nobody waits any more. */
export const isOver = ({ isClosed, response, calls }: Exchange): boolean =>
  isClosed || response.settled || calls.aborted !== undefined || clientLeft(response)

/** The answer to the client for what an attempt has led to, where that itself is not there any more. */
export function answerFor({ failure, status, asked }: Seen, exchange: Exchange): GatewayError {
  if (failure || status === undefined) return failure ?? upstreamError(exchange, 'upstream_error')
  return upstreamError(exchange, meaningOfStatus(status).code, {
    status,
    ...(asked !== undefined && { headers: { 'Retry-After': asked } }),
    proxyStatus: { error: undefined, 'received-status': status },
  })
}

/** Decides about another attempt; undefined where there is none. */
export function planAfter(
  seen: Seen,
  exchange: Exchange,
  mounted: Mounted,
  progress: Progress,
): Plan | undefined {
  if (!progress.isWhole || isOver(exchange) || exchange.refusal) return undefined
  if (!isWorthIt(seen) || !mayRepeat(seen, exchange, mounted.settings)) return undefined
  const { settings, targets, budget } = mounted
  if (mayRetry(seen, mounted, progress) && budget.take()) {
    const asked = seen.asked === undefined ? undefined : waitIn(seen.asked)
    return { what: 'retry', wait: waitBefore(progress.retries + 1, asked) }
  }
  const hasNext = progress.at + 1 < targets.length && isIn(settings.nextOn, seen)
  return hasNext ? { what: 'next' } : undefined
}

/** Whether the same target is asked again: never where its circuit is open. */
const mayRetry = (seen: Seen, { settings, targets }: Mounted, { at, retries }: Progress): boolean =>
  retries < settings.retries &&
  isIn(settings.retryOn, seen) &&
  targets[at]?.circuit?.isOpen !== true

/** What has no status is no answer at all. */
const isIn = (statuses: readonly number[], { status }: Seen): boolean =>
  status === undefined || statuses.includes(status)

/** What is wrong with this gateway or this client is so for every target. */
const isWorthIt = ({ failure }: Seen): boolean =>
  failure === undefined || codes[failure.code].about === 'upstream'

function mayRepeat(
  { status, failure, isUnsent }: Seen,
  exchange: Exchange,
  { repeatable }: Mounted['settings'],
): boolean {
  const isSafe = failure !== undefined && failure.options.retry === 'safe'
  // Whoever limits the rate has not processed it.
  return isUnsent === true || isSafe || status === 429 || repeatable || isRepeatable(exchange)
}

/**
 * Whether an upstream has closed a kept-alive connection just when the request was sent on it: that
 * is nobody's fault (RFC 9112, section 9.3.1).
 */
export const isStale = (call: ForwardCall): boolean =>
  call.isReused &&
  call.answeredAt === undefined &&
  call.failure?.code === 'upstream_connection_lost'
