import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { type Later, whenKnown } from '../common/later.js'
import { ByteList } from '../content/byte-list.js'
import { checkFields } from './fields.js'

/** Writes another response in place of one that was held; undefined where that one stays. */
export type Answer = (() => void) | undefined

/** Keeps a response back until its body is whole, and judges it. */
export interface ResponseCheck {
  /** Most bytes that are kept back; a larger body goes out as it comes, unless `over` answers. */
  readonly limit: number
  /** Answers in place of a response that is larger. */
  readonly over?: (() => void) | undefined
  /** The header fields that a replacement keeps: those from before the response was begun. */
  readonly headers: OutgoingHttpHeaders
  /** Judges the whole body; a function replaces the response by what it writes. */
  judge(body: Buffer): Later<Answer>
  /** The application destroys the response before its end; a function answers instead. */
  broken(error: unknown): (() => void) | undefined
}

/** Asks all checks in turn; the first that refuses gives the answer. */
export function judge([check, ...others]: readonly ResponseCheck[], body: Buffer): Later<Answer> {
  if (check === undefined) return undefined
  const answer = body.length > check.limit ? check.over : check.judge(body)
  if (others.length === 0) return answer
  return whenKnown(answer, (given) => given ?? judge(others, body))
}

/** The methods that begin or go on with a response. */
export type Sending = 'writeHead' | 'write' | 'end' | 'flushHeaders'

type Call = readonly [name: Sending, args: readonly unknown[]]

/** What becomes of a response that is kept back. */
export interface BufferedOutcome {
  /** The body is whole. */
  whole(body: Buffer): void
  /**
   * It is too large to be held, or Node must speak about an argument; true where all that was held
   * has gone out, and the call must go on.
   */
  release(): boolean
  /** Node would refuse the head, and later there is nobody to catch it: nothing has begun. */
  refuse(): void
}

/** What the application did with a response so far, kept back; to it, the head is out. */
export class BufferedResponse {
  ended = false
  readonly #res: Covered
  readonly #limit: number
  readonly #outcome: BufferedOutcome
  readonly #setters: Setters
  /** The call that began it, where that was no write. */
  #head: Call | undefined
  readonly #written = new ByteList()
  #end: Call | undefined
  #isWritten = false

  constructor(res: ServerResponse, limit: number, outcome: BufferedOutcome) {
    this.#res = res as Covered
    this.#limit = limit
    this.#outcome = outcome
    this.#setters = showAsSent(res as Covered, this)
  }

  /** What was done so far; many small writes are fewer. */
  get calls(): Call[] {
    const writes = this.#written.chunks().map((chunk): Call => ['write', [chunk]])
    return [this.#head, ...writes, this.#end].filter((call) => call !== undefined)
  }

  writeHead(args: readonly unknown[]): void {
    if (this.#hasBegun) throw headersSent()
    try {
      checkFields(args)
    } catch (error) {
      this.#outcome.refuse()
      throw error
    }
    this.#head = ['writeHead', args]
  }

  flushHeaders(): void {
    if (!this.#hasBegun) this.#head = ['flushHeaders', []]
  }

  /** Keeps a chunk; false when the response was released instead, and the call must go on. */
  write(args: readonly unknown[]): boolean {
    if (this.ended) return (settleCallback(args), true)
    const bytes = this.#fitting(args[0], args[1])
    if (bytes === undefined) return this.#isDone(args)
    this.#isWritten = true
    // A writer that waits for its callback may use the memory of the chunk again after that.
    this.#written.add(hasCallback(args) ? Buffer.from(bytes) : bytes)
    settleCallback(args)
    return true
  }

  /** Keeps the end; false when the response was released instead. */
  end(args: readonly unknown[]): boolean {
    if (this.ended) return (settleCallback(args), true)
    const [chunk, encoding] = args
    const none = chunk === undefined || chunk === null || typeof chunk === 'function'
    const last = none ? NO_BYTES : this.#fitting(chunk, encoding)
    if (last === undefined) return this.#isDone(args)
    this.ended = true
    // Data of its own in HTTP/1, a getter in HTTP/2.
    if (Object.hasOwn(this.#res, 'finished')) Object.assign(this.#res, { finished: true })
    this.#end = ['end', args]
    this.#outcome.whole(Buffer.concat([...this.#written.chunks(), last]))
    return true
  }

  /** Shows the response as it is again. */
  showAsItIs(): void {
    const res = this.#res
    res[HELD] = undefined
    Object.assign(res, this.#setters)
    if (this.ended && Object.hasOwn(res, 'finished')) Object.assign(res, { finished: false })
  }

  get #hasBegun(): boolean {
    return this.#head !== undefined || this.#isWritten || this.ended
  }

  /** The bytes of a chunk; undefined where there are too many, or it is none. */
  #fitting(chunk: unknown, encoding: unknown): Buffer | undefined {
    const bytes = bytesOf(chunk, encoding)
    const fits = bytes !== undefined && this.#written.size + bytes.length <= this.#limit
    return fits ? bytes : undefined
  }

  /** Ends the holding; true where the response was answered in another way, and the call is done. */
  #isDone(args: readonly unknown[]): boolean {
    if (this.#outcome.release()) return false
    settleCallback(args)
    return true
  }
}

const NO_BYTES = Buffer.alloc(0)

/** The bytes of a chunk as it is passed to `write`; undefined for what is none. */
export function bytesOf(chunk: unknown, encoding: unknown): Buffer | undefined {
  if (Buffer.isBuffer(chunk)) return chunk
  if (chunk instanceof Uint8Array) {
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
  if (typeof chunk !== 'string') return undefined
  const known = typeof encoding === 'string' && Buffer.isEncoding(encoding)
  return Buffer.from(chunk, known ? encoding : 'utf8')
}

const hasCallback = (args: readonly unknown[]): boolean =>
  args.some((arg) => typeof arg === 'function')

/** Callbacks are called all the same: a pipe or a promise that waits for one would wait for ever. */
export function settleCallback(args: readonly unknown[]): void {
  const callback = args.findLast((arg) => typeof arg === 'function')
  if (callback) process.nextTick(callback as () => void)
}

function headersSent(): Error {
  const error = new Error('Cannot write headers after they are sent to the client')
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}

const refuse = (): never => {
  throw headersSent()
}

const HELD = Symbol.for('good-gateway.held')
/** Node makes a head by it; sessions call it where they find none that Node has made. */
interface Implicit {
  _implicitHeader(this: void): void
}
type Covered = ServerResponse & Implicit & { [HELD]?: BufferedResponse | undefined }
type Setters = Implicit &
  Pick<ServerResponse, 'setHeader' | 'setHeaders' | 'appendHeader' | 'removeHeader'>

const REFUSED: Setters = {
  setHeader: refuse,
  setHeaders: refuse,
  appendHeader: refuse,
  removeHeader: refuse,
  _implicitHeader() {},
}

const below = (res: Covered, name: string): unknown =>
  Reflect.get(Object.getPrototypeOf(res) as object, name, res)

/** Stay on the response: a deleted property would make a slow object of it. */
const GETTERS: PropertyDescriptorMap = {
  headersSent: {
    configurable: true,
    get(this: Covered) {
      return this[HELD] !== undefined || below(this, 'headersSent')
    },
  },
  writableFinished: {
    configurable: true,
    get(this: Covered) {
      return this[HELD] === undefined && below(this, 'writableFinished')
    },
  },
  writableEnded: {
    configurable: true,
    get(this: Covered) {
      return this[HELD]?.ended ?? below(this, 'writableEnded')
    },
  },
}

/** Shows the application what Node would show of a response whose head is out. */
function showAsSent(res: Covered, held: BufferedResponse): Setters {
  const { setHeader, setHeaders, appendHeader, removeHeader, _implicitHeader } = res
  res[HELD] = held
  Object.defineProperties(res, GETTERS)
  Object.assign(res, REFUSED)
  return { setHeader, setHeaders, appendHeader, removeHeader, _implicitHeader }
}

/** Takes off what was set since a moment, and puts back what was changed. */
export function resetHeaders(res: ServerResponse, to: OutgoingHttpHeaders): void {
  for (const name of res.getHeaderNames()) if (to[name] === undefined) res.removeHeader(name)
  for (const [name, value] of Object.entries(to))
    if (value !== undefined) res.setHeader(name, value)
}
