import { http2StreamOf } from '../content/framing.js'
import type { Exchange } from '../exchange/exchange.js'
import { rawOf, seal } from './gate.js'

// RFC 9113, section 7; node:http2 would be loaded for this number alone.
const INTERNAL_ERROR = 0x2

/**
 * Breaks off a response whose head is out, so that the client notices (RFC 9112, section 8).
 *
 * A destroyed response would be a clean end for HTTP/2, and for HTTP/1.0, where the end of the
 * connection is the end of the body.
 */
export function cut(exchange: Exchange): void {
  const { res } = exchange
  exchange.settled = true
  // The proxy hears of the failure in a moment, and may write a second head.
  seal(exchange)
  const stream = http2StreamOf(res)
  if (stream) stream.close(INTERNAL_ERROR)
  else if (delimitedByClose(exchange)) res.socket?.resetAndDestroy()
  else rawOf(exchange).destroy()
}

/**
 * Breaks off a stream of server-sent events after one last event, which the blank line before it
 * keeps apart from an event that was left unfinished.
 */
export function cutWithEvent(exchange: Exchange, event: string): void {
  const { res } = exchange
  if (!isEventStream(exchange) || res.writableEnded) return cut(exchange)
  exchange.settled = true
  // A client that does not read would keep the callback, and so the connection, waiting for ever.
  const timer = setTimeout(() => cut(exchange), 10_000).unref()
  const write = res.write.bind(res)
  seal(exchange)
  write(`\n\n${event}`, () => {
    clearTimeout(timer)
    cut(exchange)
  })
}

/** Whether an event can be appended: neither compressed nor of a promised length. */
function isEventStream({ head }: Exchange): boolean {
  const type = head?.header('content-type')?.toLowerCase() ?? ''
  return (
    type.startsWith('text/event-stream') &&
    head?.header('content-encoding') === undefined &&
    head?.header('content-length') === undefined
  )
}

/** Neither chunked nor counted: only a reset tells the client that something is missing. */
function delimitedByClose({ res, head }: Exchange): boolean {
  return !res.chunkedEncoding && head?.header('content-length') === undefined
}
