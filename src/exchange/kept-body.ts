import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { http } from '../common/builtins.js'
import { announcedLength, isHttp1 } from '../content/framing.js'
import { takeEarly } from './body.js'
import { ByteList } from '../content/byte-list.js'

const KEPT = Symbol('kept')
type Keeping = IncomingMessage & { [KEPT]?: KeptBody | undefined }

/**
 * Keeps what arrives of a body, up to a limit, for somebody who reads it after the one whom it is for.
 * Node's parser delivers through `push`; nobody has to listen to each chunk.
 */
export class KeptBody {
  readonly #req: Keeping
  readonly #limit: number
  readonly #chunks = new ByteList()
  #isWhole = false
  #isOver = false
  #waiting: ((bytes: Buffer | undefined) => void) | undefined

  constructor(req: IncomingMessage, limit: number) {
    this.#req = req
    this.#limit = limit
    if (announcedLength(req) > limit) this.#isOver = true
    else this.#begin()
  }

  /** Whether the body is larger than what is kept. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** A chunk has come, or the end. */
  take(chunk: Buffer | string | null, encoding?: BufferEncoding): void {
    if (chunk === null) return this.#end()
    this.#add(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
  }

  /** The whole body, once it is there; undefined where it is larger than what is kept. */
  whole(): Promise<Buffer | undefined> {
    if (this.#isOver) return Promise.resolve(undefined)
    if (this.#isWhole) return Promise.resolve(this.#chunks.concat())
    const req = this.#req
    const whole = new Promise<Buffer | undefined>((resolve) => (this.#waiting = resolve))
    // Whom it was for reads it no more.
    req.unpipe()
    req.resume()
    return whole
  }

  #begin(): void {
    const req = this.#req
    if (req.complete) this.#isWhole = true
    const early = takeEarly(req)
    if (early.length > 0) this.#add(early)
    if (this.#isWhole || this.#isOver) return
    req[KEPT] = this
    req.push = pushKept
  }

  #add(chunk: Buffer): void {
    this.#chunks.add(chunk)
    if (this.#chunks.size <= this.#limit) return
    this.#isOver = true
    this.#leave()
  }

  #end(): void {
    this.#isWhole = true
    this.#leave()
  }

  #leave(): void {
    this.#req[KEPT] = undefined
    this.#waiting?.(this.#isOver ? undefined : this.#chunks.concat())
  }
}

function pushKept(
  this: Keeping,
  chunk: Buffer | string | null,
  encoding?: BufferEncoding,
): boolean {
  this[KEPT]?.take(chunk, encoding)
  return (Object.getPrototypeOf(this) as IncomingMessage).push.call(this, chunk, encoding)
}

/** Whether there is a body to keep: one that somebody has read before is not there any more. */
export const isKeepable = (req: IncomingMessage): boolean =>
  announcedLength(req) !== 0 && !req.readableDidRead && !req.destroyed

/** What a request has beside its body, which is the same for its copy. */
const HEAD = [
  'headers',
  'rawHeaders',
  'method',
  'url',
  'trailers',
  'rawTrailers',
  'httpVersion',
  'httpVersionMajor',
  'httpVersionMinor',
]
/** And that of a stream of HTTP/2, or of a request that was made up. */
const OTHERS = ['stream', 'authority', 'scheme', 'socket', 'connection']

/** The same request with its body unread. */
export const unreadCopy = (req: IncomingMessage): IncomingMessage =>
  isHttp1(req) ? copyOfHttp1(req) : copyOfOther(req)

function copyOfHttp1(req: IncomingMessage): IncomingMessage {
  const copy = new http.IncomingMessage(req.socket)
  Object.setPrototypeOf(copy, Object.getPrototypeOf(req) as object)
  return Object.assign(copy, partsOf(req, copy, HEAD), { complete: true })
}

/** Its class has its parts in places that no copy can have; a stream that has all of them does. */
function copyOfOther(req: IncomingMessage): IncomingMessage {
  const copy = new Readable({ read() {} })
  const parts = partsOf(req, copy, [...HEAD, ...OTHERS])
  return Object.assign(copy, parts, { complete: true }) as unknown as IncomingMessage
}

function partsOf(req: IncomingMessage, copy: object, names: readonly string[]): object {
  const own = Object.entries(req).filter(([name]) => !(name in copy))
  const others = names.filter((name) => name in req).map((name) => [name, Reflect.get(req, name)])
  return Object.fromEntries([...own, ...others] as [string, unknown][])
}
