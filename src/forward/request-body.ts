import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { stream } from '../common/builtins.js'
import { ByteList } from '../content/byte-list.js'
import { announcedLength, isHttp1 } from '../content/framing.js'
import { bodySpent } from '../exchange/spent-body.js'
import type { Exchange } from '../exchange/exchange.js'

/** The body of a request, for one attempt after another. */
export interface RequestBody {
  /** Bytes that are known before they are sent; undefined where they come in chunks. */
  readonly length: number | undefined
  /** Whether it can be sent once more. */
  readonly isWhole: boolean
  /** What undici is given for the next attempt. */
  next(): Buffer | Readable | null
  /** There is no other attempt: what is sent no more is read and dropped. */
  release(): void
}

const ignore = (): void => {}

class WholeBody implements RequestBody {
  readonly isWhole = true
  readonly release = ignore
  readonly length: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  next(): Buffer | null {
    return this.length === 0 ? null : this.#bytes
  }
}

/** No body. */
export const EMPTY: RequestBody = {
  length: undefined,
  isWhole: true,
  next: () => null,
  release: ignore,
}

/**
 * Takes the body of a request: the bytes that somebody has peeked, or those that are there already,
 * else what is still to come.
 *
 * @param most - largest size that is kept for another attempt.
 * @throws {GatewayError} `gateway_misconfigured` where somebody has read it before.
 */
export function takeBody(exchange: Exchange, most: number): RequestBody | Promise<RequestBody> {
  const { req, body } = exchange
  // A stream of its own is much more work than one piece.
  if (body === undefined && comesSoon(req))
    return Promise.resolve().then(() => takeFromStream(req, most))
  // Whoever has peeked it has put it back.
  if (body === undefined || isUnread(req)) return takeFromStream(req, most)
  return body.then(
    (bytes) => (bytes.length === 0 && !hasLength(req) ? EMPTY : new WholeBody(bytes)),
    // Too large to be peeked, and only reported: it is in the stream.
    () => takeFromStream(req, most),
  )
}

function takeFromStream(req: IncomingMessage, most: number): RequestBody {
  const announced = announcedLength(req)
  if (announced === 0) return hasLength(req) ? new WholeBody(Buffer.alloc(0)) : EMPTY
  if (req.readableDidRead || req.readableEnded) throw bodySpent(req)
  if (isHttp1(req) && req.complete) return new WholeBody(readAll(req))
  return new ComingBody(req, Number.isNaN(announced) ? undefined : announced, most)
}

/** Whether the whole body lies in the stream. */
const isUnread = (req: IncomingMessage): boolean =>
  isHttp1(req) && req.complete && !req.readableDidRead && !req.readableEnded

/** Largest body in bytes that mostly comes together with its head. */
const SMALL = 16 * 1024

/** Whether a body is mostly there as soon as Node's parser has done with the packet that had the head. */
function comesSoon(req: IncomingMessage): boolean {
  if (req.complete || !isHttp1(req)) return false
  const length = announcedLength(req)
  return length > 0 && length <= SMALL
}

const hasLength = ({ headers }: IncomingMessage): boolean => headers['content-length'] !== undefined

function readAll(req: IncomingMessage): Buffer {
  const read: Buffer | string | null = req.read() as Buffer | string | null
  return typeof read === 'string'
    ? Buffer.from(read, req.readableEncoding ?? 'utf8')
    : (read ?? Buffer.alloc(0))
}

/** A body that is still on its way: what has come of it is kept up to a limit. */
class ComingBody implements RequestBody {
  readonly length: number | undefined
  readonly #req: IncomingMessage
  readonly #most: number
  #kept: ByteList | undefined
  #current: Readable | undefined
  #listens = false
  #ended = false
  #isLast = false

  constructor(req: IncomingMessage, length: number | undefined, most: number) {
    this.#req = req
    this.length = length
    this.#most = most
    if (most > 0 && (length ?? 0) <= most) this.#kept = new ByteList()
  }

  get isWhole(): boolean {
    return this.#kept !== undefined || !this.#listens
  }

  next(): Readable {
    const current = new stream.Readable({
      read: () => this.#flow(),
      destroy: (error, done) => {
        if (this.#current === current) this.#stop()
        done(error)
      },
    })
    for (const chunk of this.#kept?.chunks() ?? []) current.push(chunk)
    if (this.#ended) current.push(null)
    this.#current = current
    return current
  }

  release(): void {
    this.#kept = undefined
    this.#isLast = true
    if (this.#current === undefined) this.#stop()
  }

  #stop(): void {
    this.#current = undefined
    if (!this.#listens || this.#ended) return
    // Otherwise the next request of the client would wait behind it for ever.
    if (this.#isLast) this.#req.resume()
    else this.#req.pause()
  }

  #flow(): void {
    const req = this.#req
    if (!this.#listens) {
      this.#listens = true
      req.on('data', (chunk: Buffer | string) => this.#take(chunk))
      req.once('end', () => this.#end())
    }
    req.resume()
  }

  #take(given: Buffer | string): void {
    const chunk = typeof given === 'string' ? Buffer.from(given) : given
    if (this.#kept) {
      this.#kept.add(chunk)
      if (this.#kept.size > this.#most) this.#kept = undefined
    }
    if (this.#current?.push(chunk) === false) this.#req.pause()
  }

  #end(): void {
    this.#ended = true
    this.#current?.push(null)
  }
}
