import type { ServerResponse } from 'node:http'
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
  else if (!hasConnection(res)) breakOff(gate)
  else if (isDelimitedByClose(gate)) res.socket?.resetAndDestroy()
  else rawOf(gate).destroy()
}

/** Whether there is a connection: adapters for functions in a cloud make responses without one. */
const hasConnection = ({ socket }: ServerResponse): boolean =>
  socket === null || typeof socket.resetAndDestroy === 'function'

/** Without a connection nobody sees a cut, and an adapter waits for the end or for an error. */
function breakOff(gate: Gate): void {
  rawOf(gate).destroy()
  if (gate.res.listenerCount('error') > 0)
    gate.res.emit('error', new Error('The response has been broken off.'))
}

/**
 * Breaks off a stream of server-sent events after one last event, which the blank line before it
 * keeps apart from an event that was left unfinished. Where `ends`, the body ends as it should behind
 * it: clients that wait for the end would not read the event otherwise.
 *
 * It is written below all that wraps the response: wrappers lose callbacks, or hold events back.
 */
export function cutWithEvent(gate: Gate, event: string, ends = false): void {
  const { res } = gate
  if (!isEventStream(gate) || res.writableEnded) return cut(gate)
  // A client that does not read would keep the callback, and so the connection, waiting for ever.
  const timer = setTimeout(cut, MOST_TIME, gate).unref()
  const { write, end } = Object.getPrototypeOf(res) as ServerResponse
  seal(gate, 'cut')
  const written = () => {
    clearTimeout(timer)
    if (!ends) cut(gate)
  }
  if (ends) end.call(res, `\n\n${event}`, 'utf8', written)
  else write.call(res, `\n\n${event}`, 'utf8', written)
}

/** Milliseconds that a client may take to read the last event. */
const MOST_TIME = 10_000

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
