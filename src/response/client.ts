import { hasBody, http2StreamOf } from '../content/framing.js'
import type { Gate } from './gate.js'

/** Whether the client closed the connection before it had the whole response. */
export function clientLeft(gate: Gate): boolean {
  const { res } = gate
  const gone =
    res.closed ||
    res.destroyed ||
    gate.socket?.destroyed === true ||
    // Of HTTP/2 only the stream tells at once.
    http2StreamOf(res)?.destroyed === true
  return gone && !gate.settled && !isSent(gate) && brokenBy(gate) === undefined
}

/**
 * What a timeout of the server's own waited for when it ended the connection: the rest of the request,
 * or an answer. Undefined where the client has left, which ends the stream or resets it.
 */
export function serverTimedOut({ req, socket }: Gate): 'request' | 'response' | undefined {
  if (req.httpVersionMajor !== 1 || !socket?.destroyed || socket.readableEnded) return undefined
  const errored: (Error & { readonly code?: unknown }) | null = socket.errored
  if (errored) return errored.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request' : undefined
  // `server.timeout`, or what a proxy has set on the socket: Node destroys it without an error.
  if (!socket.timeout) return undefined
  return stillSent(req) ? 'request' : 'response'
}

/** Whether the body of a request, which is cut off now, was still on its way. */
const stillSent = (req: Gate['req']): boolean => !req.complete && hasBody(req)

// A response of HTTP/2 knows no writableFinished, or takes a reset for it.
const isSent = ({ res }: Gate): boolean => res.writableEnded && (res.writableFinished ?? true)

/** What a pipeline says of a client that has left, and what an abort in answer to that is. */
const ENDS_OF_CLIENTS: ReadonlySet<unknown> = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'AbortError'])

/** The error that the application has destroyed the response with, before the client had it all. */
export function brokenBy(gate: Gate): Error | undefined {
  const errored: (Error & { readonly code?: unknown }) | null | undefined = gate.res.errored
  if (!errored || isSent(gate)) return undefined
  const byClient = ENDS_OF_CLIENTS.has(errored.name) || ENDS_OF_CLIENTS.has(errored.code)
  return byClient ? undefined : errored
}
