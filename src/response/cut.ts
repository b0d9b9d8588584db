import { http2StreamOf } from '../content/framing.js'
import type { Gate } from './gate.js'
import { rawOf, seal } from './hooks.js'

// RFC 9113, section 7; node:http2 would be loaded for this number alone.
const INTERNAL_ERROR = 0x2

/**
 * Breaks off a response whose head is out, so that the client notices (RFC 9112, section 8).
 *
 * A destroyed response would be a clean end for HTTP/2, and for HTTP/1.0, where the end of the
 * connection is the end of the body.
 */
export function cut(gate: Gate): void {
  const { res } = gate
  // The proxy hears of the failure in a moment, and may write a second head.
  seal(gate, 'cut')
  const stream = http2StreamOf(res)
  if (stream) stream.close(INTERNAL_ERROR)
  else if (isDelimitedByClose(gate)) res.socket?.resetAndDestroy()
  else rawOf(gate).destroy()
}

/**
 * Breaks off a stream of server-sent events after one last event, which the blank line before it
 * keeps apart from an event that was left unfinished.
 */
export function cutWithEvent(gate: Gate, event: string): void {
  const { res } = gate
  if (!isEventStream(gate) || res.writableEnded) return cut(gate)
  // A client that does not read would keep the callback, and so the connection, waiting for ever.
  const timer = setTimeout(cut, 10_000, gate).unref()
  const write = res.write.bind(res)
  seal(gate, 'cut')
  write(`\n\n${event}`, () => {
    clearTimeout(timer)
    cut(gate)
  })
}

/** Whether an event can be appended: neither compressed nor of a promised length. */
function isEventStream({ head }: Gate): boolean {
  const type = head?.header('content-type')?.toLowerCase() ?? ''
  return (
    type.startsWith('text/event-stream') &&
    head?.header('content-encoding') === undefined &&
    head?.header('content-length') === undefined
  )
}

/** Neither chunked nor counted: only a reset tells the client that something is missing. */
function isDelimitedByClose({ res, head }: Gate): boolean {
  return !res.chunkedEncoding && head?.header('content-length') === undefined
}
