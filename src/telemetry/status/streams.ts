import type { IncomingMessage } from 'node:http'
import { type Ticker, tickerFor, type Ticking } from '../../common/ticker.js'
import { eventText } from '../../content/event-stream.js'
import { isFull } from '../../content/framing.js'
import { withoutStack } from '../../errors/gateway-error.js'
import type { Exchange } from '../../exchange/exchange.js'
import type { RawResponse } from '../../response/raw.js'
import { beginStream } from '../../response/stream.js'
import type { Report } from './report.js'

/** Most streams of one page: each keeps a connection. */
const MOST_STREAMS = 32
/** Milliseconds between two events, when something has changed and when nothing has. */
const CHANGED = 500
const UNCHANGED = 10_000
/** Milliseconds until a stream ends; the browser comes back, and is authorized anew. */
const LONGEST = 300_000
/** Milliseconds that a client may leave an event unread. */
const PATIENCE = 10_000

const HEADERS = {
  'Content-Type': 'text/event-stream',
  // Compressors would keep the events until they have enough of them.
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
}

/** The open streams of one page. */
export class Streams {
  readonly #report: () => Report
  readonly #open = new Set<Stream>()
  #event: Event = { content: '', text: '' }
  #madeAt = -Infinity

  constructor(report: () => Report) {
    this.#report = report
  }

  /**
   * Sends the report as an event whenever it has changed.
   *
   * @throws {GatewayError} `gateway_overloaded` when there are too many streams.
   */
  open(exchange: Exchange): void {
    if (this.#open.size >= MOST_STREAMS)
      throw withoutStack('gateway_overloaded', { retryAfter: UNCHANGED / 1000 })
    const { req, response } = exchange
    const isHttp1 = req.httpVersionMajor === 1
    // The end of the process does not wait for those who look at it; made-up sockets cannot keep it.
    if (isHttp1 && req.socket && 'unref' in req.socket) req.socket.unref()
    const out = beginStream(response, { ...HEADERS, ...(isHttp1 && { Connection: 'close' }) })
    const stream = new Stream(exchange, out, {
      latest: () => this.#latest(),
      over: () => void this.#open.delete(stream),
    })
    this.#open.add(stream)
    exchange.follow({ closesAt: 'report', closed: () => stream.stop() })
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#open) stream.end()
  }

  /** The same for all streams, and made once for them. */
  #latest(): Event {
    const now = performance.now()
    if (now - this.#madeAt < CHANGED / 2) return this.#event
    this.#madeAt = now
    const { time, ...rest } = this.#report()
    const content = JSON.stringify(rest)
    const text = eventText({ event: 'status', data: JSON.stringify({ time, ...rest }) })
    return (this.#event = { content, text })
  }
}

interface Event {
  /** What it tells, but for the time. */
  readonly content: string
  readonly text: string
}

/** What a stream needs of its page. */
interface Hooks {
  readonly latest: () => Event
  /** Called at its end. */
  readonly over: () => void
}

/** One stream. An event that its client is too slow for is left out: the next one tells all of it. */
class Stream implements Ticking {
  slot = -1
  readonly #res: Exchange['res']
  readonly #out: RawResponse
  readonly #server: unknown
  readonly #hooks: Hooks
  readonly #ticker: Ticker = tickerFor(CHANGED)
  readonly #endsAt: number
  #sentAt: number
  #sent: string

  constructor({ req, res }: Exchange, out: RawResponse, hooks: Hooks) {
    this.#res = res
    this.#out = out
    this.#server = serverOf(req)
    this.#hooks = hooks
    this.#ticker.add(this)
    this.#sentAt = this.#ticker.now
    this.#endsAt = this.#sentAt + LONGEST
    const { content, text } = hooks.latest()
    this.#sent = content
    out.write(text)
  }

  tick(now: number): void {
    if (now >= this.#endsAt || isClosed(this.#server)) return this.end()
    const silence = now - this.#sentAt
    if (isFull(this.#res)) {
      if (silence >= PATIENCE) this.end()
      return
    }
    if (silence < CHANGED) return
    const { content, text } = this.#hooks.latest()
    if (content === this.#sent && silence < UNCHANGED) return
    this.#sentAt = now
    this.#sent = content
    this.#out.write(text)
  }

  /** Sends nothing more. */
  stop(): void {
    this.#ticker.remove(this)
    this.#hooks.over()
  }

  end(): void {
    this.stop()
    // A client that does not read would never let it end.
    if (isFull(this.#res)) this.#out.destroy()
    else this.#out.end()
  }
}

/** Node keeps the server on the socket. */
const serverOf = ({ socket }: IncomingMessage): unknown =>
  socket === undefined ? undefined : Reflect.get(socket, 'server')

/** A server that was told to close waits for its connections, and emits nothing until then. */
const isClosed = (server: unknown): boolean =>
  typeof server === 'object' && server !== null && Reflect.get(server, 'listening') === false
