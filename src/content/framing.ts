import type { IncomingMessage, ServerResponse } from 'node:http'
import { http } from '../common/builtins.js'

/** The stream behind a message of HTTP/2's compatibility layer, as far as HTTP/1 tells it otherwise. */
export interface Http2Stream {
  readonly destroyed: boolean
  /** Whether the head was all that there is of the message. */
  readonly endAfterHeaders?: boolean
  readonly writableNeedDrain: boolean
  close(code: number): void
}

/** The stream of a message of HTTP/2; undefined for HTTP/1. */
export function http2StreamOf(message: IncomingMessage | ServerResponse): Http2Stream | undefined {
  // Asked for each request: a property that is missing takes longer to look up than one of Node's own.
  if (message instanceof http.ServerResponse || message instanceof http.IncomingMessage)
    return undefined
  return (message as { stream?: Http2Stream }).stream
}

/** Whether Node's parser of HTTP/1 has made this request: HTTP/2 and injected ones are others. */
export const isHttp1 = (req: IncomingMessage): boolean =>
  req instanceof http.IncomingMessage && req.httpVersionMajor === 1

/** Bytes that the head announces: 0 when there is no body, NaN when their number is open. */
export function announcedLength(req: IncomingMessage): number {
  // A lenient parser lets both through, and reads chunks (RFC 9112, section 6.3).
  if (req.headers['transfer-encoding'] !== undefined) return NaN
  const length = req.headers['content-length']
  if (length !== undefined) return Number(length)
  return isHttp1(req) || http2StreamOf(req)?.endAfterHeaders === true ? 0 : NaN
}

/** Whether the head of a request of HTTP/1 announces a body (RFC 9112, section 6). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Whether the client is still sending a body: a GET of HTTP/1 without one may not be `complete` yet. */
export function stillSends(req: IncomingMessage): boolean {
  if (req.complete || req.destroyed) return false
  const stream = http2StreamOf(req)
  if (stream === undefined) return hasBody(req)
  // A request of HTTP/2 that nobody reads is never complete, even one without a body.
  const isRead = req.readableFlowing !== null || req.readableDidRead
  return isRead && stream.endAfterHeaders !== true
}

/** Whether the client has more to read before more is written; HTTP/2's response does not tell itself. */
export function isFull(res: ServerResponse): boolean {
  return res.writableNeedDrain || http2StreamOf(res)?.writableNeedDrain === true
}

/** The methods whose calls Node gives no framing by itself. */
const SELDOM_SEND = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])

/** Whether a request has a body, although its method seldom has one. */
export const hasUnusualBody = (req: IncomingMessage): boolean =>
  SELDOM_SEND.has(req.method ?? '') && hasBody(req)
