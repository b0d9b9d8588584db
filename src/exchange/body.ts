import type { IncomingMessage } from 'node:http'
import { type Ticker, tickerFor, type Ticking } from '../common/ticker.js'
import { warnOnce } from '../common/warn.js'
import { announcedLength, isHttp1 } from '../content/framing.js'
import { tooLarge } from '../content/too-large.js'
import { GatewayError } from '../errors/gateway-error.js'
import { ByteList } from '../content/byte-list.js'
import type { Exchange, Follower } from './exchange.js'

/** Bounds of reading a request body. */
export interface PeekOptions {
  /** Most bytes that are read. */
  readonly limit: number
  /** Milliseconds until the whole body must have arrived. */
  readonly timeout: number
  /** What was mounted to read it; a mistake is explained once for it. */
  readonly place: object
  /** Its name. @defaultValue `'validate'` */
  readonly reader?: string
}

const EMPTY = Buffer.alloc(0)

/**
 * Reads the body of a request and leaves the same bytes in the request for whoever reads next.
 *
 * @throws {GatewayError} `content_too_large`, `request_timeout`, `client_closed_request`, or
 *   `gateway_misconfigured` when somebody has read the body before.
 */
export function peekBody(exchange: Exchange, options: PeekOptions): Promise<Buffer> {
  const { body } = exchange
  // The first reader's own limit holds.
  if (body === undefined) return (exchange.body = read(exchange, options))
  // Two readers at once would each hold back what the other waits for.
  return body.then((bytes) => {
    if (bytes.length > options.limit) throw largerThan(bytes.length, options.limit)
    return bytes
  })
}

function read(exchange: Exchange, options: PeekOptions): Promise<Buffer> {
  const { req } = exchange
  const announced = announcedLength(req)
  if (announced === 0) return Promise.resolve(EMPTY)
  if (announced > options.limit) return Promise.reject(largerThan(announced, options.limit))
  if (req.destroyed && !req.complete)
    return Promise.reject(new GatewayError('client_closed_request'))
  if (req.readableDidRead || req.readableEnded || req.readableFlowing === true)
    return Promise.reject(alreadyRead(req, options))
  const early = takeEarly(req)
  if (early.length > options.limit) return Promise.reject(moreThan(options.limit))
  // HTTP/2 and injected requests have no parser that sets `complete` at the end of the body.
  if (isHttp1(req) && req.complete) return Promise.resolve(early)
  return new HeldBody(exchange, options, early).whole
}

/** The error for a body whose length is known. */
export const largerThan = (length: number, limit: number): GatewayError =>
  tooLarge(`has ${length} bytes`, limit)

const moreThan = (limit: number): GatewayError => tooLarge(`has more than ${limit} bytes`, limit)

function alreadyRead(
  req: IncomingMessage,
  { place, reader = 'validate' }: PeekOptions,
): GatewayError {
  const request = `${req.method} ${req.url?.split('?')[0]}`
  warnOnce(
    place,
    `${request}: the body was read before ${reader} could read it, so the request gets 500 ` +
      `gateway_misconfigured; mount ${reader} before the body parser.`,
  )
  return new GatewayError('gateway_misconfigured', {
    cause: new Error(
      `The body of ${request} was read before ${reader}: mount ${reader} before the body parser.`,
    ),
  })
}

/**
 * Puts other bytes in place of a body that was peeked, in one turn of the event loop, so that 'end' is
 * not emitted before somebody listens. The fields that describe the body are for the caller to change.
 *
 * @throws {GatewayError} `gateway_misconfigured` when somebody has read it to its end before.
 */
export function replaceBody(exchange: Exchange, bytes: Buffer, options: PeekOptions): void {
  const { req } = exchange
  if (req.readableEnded) throw alreadyRead(req, options)
  while (req.readableLength > 0) if (req.read() === null) break
  if (bytes.length > 0) req.unshift(bytes)
  hideRead(req)
  exchange.body = Promise.resolve(bytes)
}

/** Takes what arrived before us and puts it back in the same tick, so that 'end' is not emitted. */
export function takeEarly(req: IncomingMessage): Buffer {
  const early = takeAll(req)
  if (early.length === 0) return EMPTY
  req.unshift(early)
  hideRead(req)
  return early
}

/** Takes what has arrived out of the stream. */
function takeAll(req: IncomingMessage): Buffer {
  if (req.readableLength === 0) return EMPTY
  const chunks = new ByteList()
  while (req.readableLength > 0) {
    const chunk: Buffer | string | null = req.read() as Buffer | string | null
    if (chunk === null) break
    chunks.add(
      typeof chunk === 'string' ? Buffer.from(chunk, req.readableEncoding ?? 'utf8') : chunk,
    )
  }
  return chunks.concat()
}

/** Nothing public takes back that a stream was read. */
interface Reading {
  readonly _readableState?: { dataEmitted?: boolean }
}

/**
 * fetch() refuses a body that was read before; ours was put back whole. An own property or method of
 * the request would make it outlive two collections of the young generation.
 */
function hideRead(req: IncomingMessage): void {
  const { _readableState: state } = req as IncomingMessage & Reading
  if (state) state.dataEmitted = false
}

const HELD = Symbol('held')
type Holding = IncomingMessage & { [HELD]?: HeldBody | undefined }

/**
 * Keeps the parser's chunks out of the stream until the body is whole, then lets them in.
 *
 * Nothing enters the stream before, so 'end' cannot fire early, and for all that comes after us
 * the request looks unread. Node's parser, HTTP/2 and inject all deliver through `push`.
 */
class HeldBody implements Ticking, Follower {
  readonly closesAt = 'response'
  readonly whole: Promise<Buffer>
  slot = -1
  readonly #exchange: Exchange
  readonly #limit: number
  readonly #early: Buffer
  readonly #chunks = new ByteList()
  readonly #ticker: Ticker
  readonly #dueAt: number
  #isSettled = false
  #resolve!: (bytes: Buffer) => void
  #reject!: (error: GatewayError) => void

  constructor(exchange: Exchange, { limit, timeout }: PeekOptions, early: Buffer) {
    this.#exchange = exchange
    this.#limit = limit
    this.#early = early
    this.#ticker = tickerFor(timeout)
    this.#ticker.add(this)
    this.#dueAt = this.#ticker.now + timeout
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    exchange.follow(this)
    const req: Holding = exchange.req
    req[HELD] = this
    req.push = pushHeld
    // Those that do not push by themselves start with a read.
    if (!isHttp1(req)) req.read(0)
  }

  /** A chunk has come, or the end. */
  take(chunk: Buffer | string | null, encoding?: BufferEncoding): boolean {
    if (chunk === null) {
      this.#settle()
      return false
    }
    this.#chunks.add(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
    if (this.#early.length + this.#chunks.size > this.#limit) this.#settle(moreThan(this.#limit))
    return true
  }

  tick(now: number): void {
    if (now >= this.#dueAt) this.#settle(new GatewayError('request_timeout'))
  }

  /** The client has left. */
  closed(): void {
    this.#settle(new GatewayError('client_closed_request'))
  }

  #settle(error?: GatewayError): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#ticker.remove(this)
    this.#exchange.unfollow(this)
    const req: Holding = this.#exchange.req
    req[HELD] = undefined
    // A deleted property would make a slow object of it.
    req.push = (Object.getPrototypeOf(req) as IncomingMessage).push
    if (error) {
      // A report lets the request go on.
      if (!req.destroyed) for (const chunk of this.#chunks.chunks()) req.push(chunk)
      return this.#reject(error)
    }
    const bytes = joined(this.#chunks.chunks())
    // In one piece: whoever takes the whole of it out of the stream has no copy to make.
    if (!req.destroyed && bytes.length > 0) req.push(bytes)
    req.push(null)
    this.#resolve(joined(this.#early.length === 0 ? [bytes] : [this.#early, bytes]))
  }
}

/** Buffers as one; a single one as it is. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [first = EMPTY] = chunks
  return chunks.length <= 1 ? first : Buffer.concat(chunks)
}

function pushHeld(
  this: Holding,
  chunk: Buffer | string | null,
  encoding?: BufferEncoding,
): boolean {
  return this[HELD]?.take(chunk, encoding) ?? false
}
