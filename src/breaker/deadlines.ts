import type { Code } from '../errors/codes.js'
import { hasBody, isFull, stillSends } from '../content/framing.js'
import type { Exchange } from '../exchange/exchange.js'
import { callsOf } from '../observer/context.js'
import type { Call, CallWatcher } from '../exchange/call.js'
import type { Settings } from './options.js'

/** How often within `idleTimeout` the bytes are counted. */
const IDLE_CHECKS = 4

/** The timers of one request; each one that runs out names its own code. */
export class Deadlines implements CallWatcher {
  readonly #exchange: Exchange
  readonly #settings: Settings
  readonly #expire: (code: Code) => void
  #head: NodeJS.Timeout | undefined
  /** By call: several may be connecting at once. */
  readonly #connect = new Map<Call, NodeJS.Timeout>()
  #idle: NodeJS.Timeout | undefined
  #total: NodeJS.Timeout | undefined
  #phase: 'head' | 'body' | 'over' = 'head'
  /** Bytes that had come from the client when the time for the head began. */
  #received: number

  constructor(exchange: Exchange, settings: Settings, expire: (code: Code) => void) {
    this.#exchange = exchange
    this.#settings = settings
    this.#expire = expire
    this.#received = receivedFrom(exchange)
    const { timeout, totalTimeout } = settings
    if (timeout !== false) this.#awaitHead(timeout)
    if (totalTimeout !== false) {
      this.#total = setTimeout(expire, totalTimeout, 'upstream_timeout').unref()
    }
  }

  /** A call has begun: its connection is due. */
  started(call: Call): void {
    const { connectTimeout } = this.#settings
    if (connectTimeout === false || this.#phase !== 'head') return
    const timer = setTimeout(() => {
      if (call.state === 'open' && !call.transport.connected())
        this.#expire('upstream_connect_timeout')
    }, connectTimeout).unref()
    this.#connect.set(call, timer)
  }

  /** No more bytes are due from a call that is over, whatever the application still sends. */
  ended(call: Call): void {
    clearTimeout(this.#connect.get(call))
    this.#connect.delete(call)
    if (call === callsOf(this.#exchange).relay) clearInterval(this.#idle)
  }

  /** The head goes out: from now on bytes are due. */
  headOut(): void {
    if (this.#phase !== 'head') return
    this.#phase = 'body'
    clearTimeout(this.#head)
    this.#clearConnect()
    const { relay } = callsOf(this.#exchange)
    if (relay?.state === 'open' && this.#settings.idleTimeout !== false)
      this.#watchBytes(relay, this.#settings.idleTimeout)
  }

  /** A fallback takes its own time. */
  superseded(): void {
    this.clear()
  }

  clear(): void {
    this.#phase = 'over'
    clearTimeout(this.#head)
    this.#clearConnect()
    clearTimeout(this.#total)
    clearInterval(this.#idle)
  }

  #clearConnect(): void {
    for (const timer of this.#connect.values()) clearTimeout(timer)
    this.#connect.clear()
  }

  /** Runs from the end of the request's body: an upstream need not answer before it has it. */
  #awaitHead(timeout: number): void {
    const { req } = this.#exchange
    this.#head = setTimeout(() => this.#headIsDue(), timeout).unref()
    if (!req.complete && hasBody(req)) {
      req.once('end', () => {
        if (this.#phase === 'head') this.#head?.refresh()
      })
    }
  }

  /** While the body still flows, the upstream need not answer; unless it is it that does not read. */
  #headIsDue(): void {
    const received = receivedFrom(this.#exchange)
    const flows = stillSends(this.#exchange.req) && received !== this.#received
    this.#received = received
    if (flows || awaitsClient(this.#exchange)) this.#head?.refresh()
    else this.#expire('upstream_timeout')
  }

  #watchBytes({ transport }: Call, idleTimeout: number): void {
    let seen = transport.bytesRead()
    let checks = 0
    this.#idle = setInterval(() => {
      const bytes = transport.bytesRead()
      // While the client does not read, the upstream is not asked for more.
      const moves = bytes !== seen || isFull(this.#exchange.res)
      seen = bytes
      checks = moves ? 0 : checks + 1
      if (checks >= IDLE_CHECKS) this.#expire('upstream_idle_timeout')
    }, idleTimeout / IDLE_CHECKS).unref()
  }
}

/** Requests that were made up for a test have no socket. */
const receivedFrom = ({ req }: Exchange): number => req.socket?.bytesRead ?? 0

/** Whether all that the client has sent was taken, and more is to come. */
const awaitsClient = (exchange: Exchange): boolean =>
  stillSends(exchange.req) && exchange.req.readableLength === 0

/** Whether it is the client that is waited for: it does not send, or does not read. */
export function isClientSlow(exchange: Exchange): boolean {
  return exchange.res.headersSent ? isFull(exchange.res) : awaitsClient(exchange)
}
