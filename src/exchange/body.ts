import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors/gateway-error.js'
import { warnOnce } from '../common/warn.js'
import { announcedLength, isHttp1 } from '../content/framing.js'
import type { Exchange } from './exchange.js'

/** Bounds of reading a request body. */
export interface PeekOptions {
  /** Most bytes that are read. */
  readonly limit: number
  /** Milliseconds until the whole body must have arrived. */
  readonly timeout: number
  /** What was mounted to read it; a mistake is explained once for it. */
  readonly place: object
}

const EMPTY = Buffer.alloc(0)
// Two readers at once would each hold back what the other waits for.
const peeked = new WeakMap<IncomingMessage, Promise<Buffer>>()

/**
 * Reads the body of a request and leaves the same bytes in the request for whoever reads next.
 *
 * @throws {GatewayError} `content_too_large`, `request_timeout`, `client_closed_request`, or
 *   `gateway_misconfigured` when somebody has read the body before.
 */
export async function peekBody({ req }: Exchange, options: PeekOptions): Promise<Buffer> {
  let body = peeked.get(req)
  if (body === undefined) {
    body = read(req, options)
    peeked.set(req, body)
  }
  const bytes = await body
  if (bytes.length > options.limit) throw new GatewayError('content_too_large')
  frame(req, bytes.length)
  return bytes
}

/**
 * http-proxy drops the chunks around the body of these methods, and announces no bytes: the upstream
 * would take the body for the next request.
 */
const UNFRAMED = new Set(['DELETE', 'OPTIONS'])

function frame({ method = '', headers }: IncomingMessage, length: number): void {
  if (!UNFRAMED.has(method) || headers['transfer-encoding'] === undefined) return
  headers['content-length'] = String(length)
  delete headers['transfer-encoding']
}

async function read(req: IncomingMessage, options: PeekOptions): Promise<Buffer> {
  const announced = announcedLength(req)
  if (announced === 0) return EMPTY
  if (announced > options.limit) throw new GatewayError('content_too_large')
  if (req.destroyed && !req.complete) throw new GatewayError('client_closed_request')
  if (req.readableDidRead || req.readableEnded || req.readableFlowing === true)
    throw alreadyRead(req, options.place)
  const early = takeEarly(req)
  // HTTP/2 and injected requests have no parser that sets `complete` at the end of the body.
  if (isHttp1(req) && req.complete) return early
  if (early.length > options.limit) throw new GatewayError('content_too_large')
  return Buffer.concat([early, ...(await hold(req, options, early.length))])
}

function alreadyRead(req: IncomingMessage, place: object): GatewayError {
  const request = `${req.method} ${req.url?.split('?')[0]}`
  warnOnce(
    place,
    `${request}: the body was read before validate could check it, so the request gets 500 ` +
      'gateway_misconfigured; mount validate before the body parser.',
  )
  return new GatewayError('gateway_misconfigured', {
    cause: new Error(
      `The body of ${request} was read before validate: mount validate before the body parser.`,
    ),
  })
}

/** Takes what arrived before us and puts it back in the same tick, so that 'end' is not emitted. */
function takeEarly(req: IncomingMessage): Buffer {
  const chunks: Buffer[] = []
  while (req.readableLength > 0) {
    const chunk: Buffer | string | null = req.read() as Buffer | string | null
    if (chunk === null) break
    chunks.push(
      typeof chunk === 'string' ? Buffer.from(chunk, req.readableEncoding ?? 'utf8') : chunk,
    )
  }
  if (chunks.length === 0) return EMPTY
  const early = Buffer.concat(chunks)
  req.unshift(early)
  hideRead(req)
  return early
}

/** fetch() refuses a body that was read before; ours was put back whole. */
function hideRead(req: IncomingMessage): void {
  Object.defineProperty(req, 'readableDidRead', { value: false, configurable: true })
  const shown = req.emit
  req.emit = function emit(this: IncomingMessage, event: string | symbol, ...args: unknown[]) {
    if (event === 'data' || event === 'end') {
      Reflect.deleteProperty(req, 'readableDidRead')
      if (req.emit === emit) req.emit = shown
    }
    return Reflect.apply(shown, req, [event, ...args]) as boolean
  }
}

/**
 * Keeps the parser's chunks out of the stream until the body is whole, then lets them in.
 *
 * Nothing enters the stream before, so 'end' cannot fire early, and for all that comes after us
 * the request looks unread. Node's parser, HTTP/2 and inject all deliver through `push`.
 */
function hold(req: IncomingMessage, options: PeekOptions, early: number): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const held: Buffer[] = []
    let size = early
    const settle = (error?: GatewayError) => {
      clearTimeout(timer)
      Reflect.deleteProperty(req, 'push')
      req.off('error', gone).off('close', gone)
      // Also behind an error: a report lets the request go on.
      if (!req.destroyed) for (const chunk of held) req.push(chunk)
      if (error) return reject(error)
      req.push(null)
      resolve(held)
    }
    const gone = () => settle(new GatewayError('client_closed_request'))
    const late = () => settle(new GatewayError('request_timeout'))
    const timer = setTimeout(late, options.timeout).unref()
    req.once('error', gone).once('close', gone)
    req.push = (chunk: Buffer | string | null, encoding?: BufferEncoding) => {
      if (chunk === null) return (settle(), false)
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
      held.push(bytes)
      size += bytes.length
      if (size > options.limit) settle(new GatewayError('content_too_large'))
      return true
    }
    // Those that do not push by themselves start with a read.
    if (!isHttp1(req)) req.read(0)
  })
}
