import type { OutgoingHttpHeaders } from 'node:http'
import type { GatewayError } from '../errors/gateway-error.js'
import { resetHeaders } from '../response/buffered.js'
import type { Head } from '../response/head.js'
import { explain } from './explain.js'
import type { Exchange } from './exchange.js'
import { originOf } from './origin.js'

/**
 * Answers with an error in place of a response that was looked at.
 *
 * @param headers - The fields that stay, from before the response: what the upstream has said must not
 *   go out beside the answer, its cookies, for one.
 */
export function replaceResponse(
  exchange: Exchange,
  error: GatewayError,
  headers: OutgoingHttpHeaders,
): void {
  // A held response is reset when it is taken over.
  if (!exchange.res.headersSent) resetHeaders(exchange.res, headers)
  exchange.fail(error)
}

/** The application gives a response up: where an upstream is to blame, the client learns it. */
export function answerBroken(exchange: Exchange, error: unknown): (() => void) | undefined {
  const origin = originOf(exchange.calls, undefined)
  // A body may be whole, and yet not be what its encoding says.
  const failed = origin.by === 'failure' ? origin.failure : explain(error, exchange)
  return failed && (() => void exchange.fail(failed))
}

/** Statuses whose responses have no content (RFC 9110, sections 15.3 and 15.4). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** Whether a response has content that is the upstream's, or the application's answer to the request. */
export function hasOwnContent(exchange: Exchange, { status = 0 }: Head): boolean {
  // What is no number, polka's word for an error, is somebody else's to answer.
  if (exchange.method === 'HEAD' || !(status >= 200) || BODILESS.has(status)) return false
  // The application's own errors are no promise of the upstream.
  return status < 400 || exchange.origin?.by === 'upstream'
}

/** Whether a response is a stream of server-sent events. */
export const isEventStream = (head: Head): boolean =>
  /^text\/event-stream(?:[;\s]|$)/i.test(head.header('content-type') ?? '')
