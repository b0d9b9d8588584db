import type { ServerResponse } from 'node:http'
import { http2StreamOf } from '../content/framing.js'
import { isRefused, reasonOf } from '../content/writable.js'
import { answeringOn } from '../exchange/connection.js'
import type { Exchange } from '../exchange/exchange.js'
import type { ForwardCall, ResponseHead } from './forward-call.js'
import { HOP_BY_HOP } from './hop-by-hop.js'
import { KeepAlive } from './keep-alive.js'
import { endToEnd, type Fields, isEventStream, trailersOf, valueOf } from './response-fields.js'

const NO_TRAILERS: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'trailer'])
const NO_CONTENT: ReadonlySet<string> = new Set([...NO_TRAILERS, 'content-length'])

const RELAY = Symbol('relay')
type Fed = ServerResponse & { [RELAY]?: Relay | undefined }

/** Writes the response of a call as that of the client, at the pace of the client. */
export class Relay {
  readonly #exchange: Exchange
  readonly #call: ForwardCall
  #hasTrailers = false
  #listens = false
  #keepAlive: KeepAlive | undefined

  constructor(exchange: Exchange, call: ForwardCall) {
    this.#exchange = exchange
    this.#call = call
  }

  /** @param keepAlive - milliseconds of silence after which a stream of events gets a comment. */
  begin(head: ResponseHead, via: string | false, keepAlive: number | false): void {
    const { res, response } = this.#exchange
    const { fields } = head
    const isOpen = this.#hasBody(head) && valueOf(fields, 'content-length') === undefined
    this.#hasTrailers = isOpen && this.#exchange.req.httpVersion !== '1.0'
    this.#call.feed()
    const kept = endToEnd(fields, this.#leftOut(head))
    if (via !== false) kept.push('Via', `1.1 ${via}`)
    writeHead(res, head, kept)
    // With what has come of the body it is one packet; without it, the client need not wait.
    if (isOpen) process.nextTick(flush, res)
    if (keepAlive !== false && isOpen && isEventStream(fields))
      this.#keepAlive = new KeepAlive(response, res, keepAlive)
  }

  #hasBody({ status }: ResponseHead): boolean {
    return status !== 204 && status !== 304 && this.#exchange.req.method !== 'HEAD'
  }

  /** RFC 9110, section 8.6; and trailers have no place but behind chunks. */
  #leftOut({ status }: ResponseHead): ReadonlySet<string> {
    if (status === 204) return NO_CONTENT
    return this.#hasTrailers ? HOP_BY_HOP : NO_TRAILERS
  }

  write(chunk: Buffer): boolean {
    const { res } = this.#exchange
    this.#keepAlive?.wrote(chunk)
    if (res.write(chunk)) return true
    if (!this.#listens) this.#listen(res)
    return false
  }

  end(trailers: Fields): void {
    const { res } = this.#exchange
    if (this.#hasTrailers && trailers.length > 0) addTrailers(res, trailers)
    res.end()
  }

  #listen(res: Fed): void {
    this.#listens = true
    res[RELAY] = this
    res.on('drain', goOn)
  }

  /** Nothing more comes of it. */
  stop(): void {
    this.#keepAlive?.stop()
  }

  resume(): void {
    this.#call.resume()
  }
}

function goOn(this: Fed): void {
  this[RELAY]?.resume()
}

function flush(res: ServerResponse): void {
  if (!res.writableEnded && !res.destroyed) res.flushHeaders()
}

function writeHead(res: ServerResponse, { status, reason }: ResponseHead, fields: string[]): void {
  // HTTP/2 has no reason phrase.
  if (http2StreamOf(res)) res.writeHead(status, grouped(withOwn(res, fields)))
  // Beside fields that are set already, Node would take the last of several only.
  else if (res.getHeaderNames().length > 0)
    res.writeHead(status, phraseOf(status, reason), grouped(withOwn(res, fields)))
  else res.writeHead(status, phraseOf(status, reason), fields)
}

/** The fields by their names, as they were spelled first; those that stand several times as lists. */
function grouped(fields: Fields): Record<string, string | string[]> {
  const groups = new Map<string, { name: string; values: string[] }>()
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? ''
    const known = groups.get(name.toLowerCase())
    if (known) known.values.push(fields[at + 1] ?? '')
    else groups.set(name.toLowerCase(), { name, values: [fields[at + 1] ?? ''] })
  }
  return Object.fromEntries(
    [...groups.values()].map(({ name, values }) => [
      name,
      values.length === 1 ? (values[0] ?? '') : values,
    ]),
  )
}

/** undici has decoded the bytes as UTF-8. */
function phraseOf(status: number, reason: string): string {
  if (reason === reasonOf(status)) return reason
  const bytes = Buffer.from(reason).toString('latin1')
  return reason.includes('\ufffd') || isRefused(bytes) ? reasonOf(status) : bytes
}

/** Fields that are lists of several writers: those that the application has set stay. */
function withOwn(res: ServerResponse, fields: string[]): string[] {
  for (const name of ['Set-Cookie', 'Vary'])
    if (res.hasHeader(name))
      for (const value of [res.getHeader(name)].flat()) fields.push(name, String(value))
  return fields
}

function addTrailers(res: ServerResponse, trailers: Fields): void {
  const pairs = trailersOf(trailers)
  if (pairs.length > 0) res.addTrailers(pairs)
}

/** Passes an interim response on (RFC 9110, section 15.2): HTTP/1.0 has none. */
export function passInterim(
  { req, res }: Exchange,
  { status, reason, fields }: ResponseHead,
): void {
  const { socket } = res
  if (res.headersSent || req.httpVersionMajor !== 1 || req.httpVersion === '1.0') return
  // Where another response is written, or the client does not read, it is no help any more.
  if (!socket || answeringOn(socket) !== res || socket.writableNeedDrain) return
  const kept = endToEnd(fields)
  const lines = [`HTTP/1.1 ${status} ${phraseOf(status, reason)}`]
  for (let at = 0; at < kept.length; at += 2) lines.push(`${kept[at]}: ${kept[at + 1]}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
