import type { ServerResponse } from 'node:http'
import { type Ticker, tickerFor, type Ticking } from '../common/ticker.js'
import { isFull, stillSends } from '../content/framing.js'
import type { Code } from '../errors/codes.js'
import type { Call } from './calls.js'
import type { Exchange } from './exchange.js'
import type { Settings } from './circuit-options.js'

/** Who is told that a time has run out; each names its own code. */
interface Expiring {
  expire(code: Code): void
  /** The client takes its time to send. */
  clientSends(): void
  /** The client has taken nothing for a long time. */
  clientStalls(): void
}

/** The times that are the same for all requests of a circuit breaker, and who looks at them. */
interface Timed {
  readonly settings: Settings
  readonly ticker: Ticker | undefined
}

/** A call whose connection is due. */
interface Connecting {
  readonly call: Call
  readonly dueAt: number
}

/** Milliseconds for the body of a request after which it is the client that is waited for. */
const LONGEST_BODY = 1000
/** Milliseconds after which a client that takes nothing is not waited for, where no other time is set. */
const LONGEST_STALL = 60_000

/** The times of one request, which one timer for many requests looks at. */
export class Deadlines implements Ticking {
  slot = -1
  readonly #exchange: Exchange
  readonly #settings: Settings
  readonly #owner: Expiring
  readonly #ticker: Ticker | undefined
  #phase: 'head' | 'body' | 'over' = 'head'
  #headDueAt = Infinity
  readonly #totalDueAt: number
  /** The calls whose connection is due, and when. */
  #connecting: Connecting[] | undefined
  readonly #startedAt: number
  /** Bytes that had come from the client at the last look, and whether more were to come. */
  #received = 0
  #wasSending: boolean
  /** The call whose bytes are due, those that had come at the last look, and when they last moved. */
  #relay: Call | undefined
  #bytes = 0
  #movedAt = 0
  /** Bytes that the client had taken at the last look, and when it last did, or had nothing to take. */
  #taken = 0
  #takenAt = 0

  constructor(exchange: Exchange, { settings, ticker }: Timed, owner: Expiring) {
    this.#exchange = exchange
    this.#settings = settings
    this.#owner = owner
    const { timeout, totalTimeout } = settings
    this.#ticker = ticker
    this.#ticker?.add(this)
    const now = this.#ticker?.now ?? 0
    this.#startedAt = now
    if (timeout !== false) this.#headDueAt = now + timeout
    this.#totalDueAt = totalTimeout === false ? Infinity : now + totalTimeout
    this.#wasSending = stillSends(exchange.req)
    if (this.#wasSending) this.#received = receivedFrom(exchange)
  }

  tick(now: number): void {
    if (now >= this.#totalDueAt) return this.#owner.expire('upstream_timeout')
    if (this.#phase === 'head') return this.#lookAtHead(now)
    this.#lookAtClient(now)
    if (this.#relay) this.#lookAtBytes(this.#relay, now)
  }

  /** A call has begun: its connection is due. */
  callStarted(call: Call): void {
    const { connectTimeout } = this.#settings
    if (connectTimeout === false || this.#phase !== 'head' || !this.#ticker) return
    this.#connecting ??= []
    this.#connecting.push({ call, dueAt: this.#ticker.now + connectTimeout })
  }

  /** No more bytes are due from a call that is over, whatever the application still sends. */
  callEnded(call: Call): void {
    if (call === this.#relay) this.#relay = undefined
  }

  /** The head goes out: from now on bytes are due. */
  headOut(): void {
    if (this.#phase !== 'head') return
    this.#phase = 'body'
    const now = this.#ticker?.now ?? 0
    this.#takenAt = now
    const { relay } = this.#exchange.calls
    this.#relay = undefined
    if (relay?.state !== 'open' || this.#settings.idleTimeout === false) return
    this.#relay = relay
    this.#movedAt = now
    this.#bytes = relay.bytesRead()
  }

  clear(): void {
    this.#phase = 'over'
    this.#relay = undefined
    this.#ticker?.remove(this)
  }

  #lookAtHead(now: number): void {
    if (this.#isConnectDue(now)) return this.#owner.expire('upstream_connect_timeout')
    const { deciding } = this.#exchange.calls
    if (deciding?.state === 'open' && deciding.status !== undefined)
      return this.#lookAtAnswer(deciding, now)
    if (this.#wasSending) this.#lookAtRequest(now)
    if (now >= this.#headDueAt) this.#owner.expire('upstream_timeout')
  }

  /** The upstream's head is there; some proxies send their own with the first byte only. */
  #lookAtAnswer(call: Call, now: number): void {
    const { timeout } = this.#settings
    if (timeout !== false) this.#headDueAt = now + timeout
    if (this.#relay === call) return this.#lookAtBytes(call, now)
    this.#relay = call
    // Seen at the first look after its head, which is not more than one interval old.
    this.#movedAt = now
    this.#bytes = call.bytesRead()
  }

  /**
   * The time for the head runs from the end of the request's body: an upstream need not answer before
   * it has it, unless it is the upstream that does not read.
   */
  #lookAtRequest(now: number): void {
    const { timeout } = this.#settings
    if (now - this.#startedAt >= LONGEST_BODY) this.#owner.clientSends()
    const received = receivedFrom(this.#exchange)
    this.#wasSending = stillSends(this.#exchange.req)
    const flows = received !== this.#received
    this.#received = received
    if (timeout !== false && (!this.#wasSending || flows || awaitsClient(this.#exchange)))
      this.#headDueAt = now + timeout
  }

  /** A client that does not read may stay, but it does not take the place of another. */
  #lookAtClient(now: number): void {
    const { res } = this.#exchange
    const taken = takenFrom(res)
    const waits = isFull(res) || (res.writableEnded && !res.writableFinished)
    if (!waits || taken !== this.#taken) this.#takenAt = now
    this.#taken = taken
    const { idleTimeout } = this.#settings
    if (now - this.#takenAt >= (idleTimeout || LONGEST_STALL)) this.#owner.clientStalls()
  }

  #isConnectDue(now: number): boolean {
    const isDue = ({ call, dueAt }: Connecting) =>
      now >= dueAt && call.state === 'open' && !call.connected()
    // One that is made beside the call of this request is waited for by nobody.
    const isWaitedFor = ({ call }: Connecting) => this.#exchange.calls.awaited.includes(call)
    return this.#connecting?.some((each) => isDue(each) && isWaitedFor(each)) ?? false
  }

  #lookAtBytes(relay: Call, now: number): void {
    const { idleTimeout } = this.#settings
    const bytes = relay.bytesRead()
    // While the client does not read, the upstream is not asked for more.
    if (bytes !== this.#bytes || isFull(this.#exchange.res)) this.#movedAt = now
    this.#bytes = bytes
    if (idleTimeout !== false && now - this.#movedAt >= idleTimeout)
      this.#owner.expire('upstream_idle_timeout')
  }
}

/** The ticker for the times of a circuit breaker; undefined where there are none. */
export function tickerOf(
  settings: Pick<Settings, 'timeout' | 'connectTimeout' | 'idleTimeout' | 'totalTimeout'>,
): Ticker | undefined {
  const { timeout, connectTimeout, idleTimeout, totalTimeout } = settings
  const times = [timeout, connectTimeout, idleTimeout, totalTimeout].filter(
    (time) => time !== false,
  )
  return times.length === 0 ? undefined : tickerFor(Math.min(...times))
}

/** Requests that were made up for a test have no socket. */
const receivedFrom = ({ response }: Exchange): number => response.socket?.bytesRead ?? 0

/** Bytes that the system has taken for the client. */
const takenFrom = ({ socket }: ServerResponse): number =>
  socket ? socket.bytesWritten - socket.writableLength : 0

/** Whether all that the client has sent was taken, and more is to come. */
const awaitsClient = ({ req }: Exchange): boolean => stillSends(req) && req.readableLength === 0

/** Whether it is the client that is waited for: it does not send, or does not read. */
export function isClientSlow(exchange: Exchange): boolean {
  return exchange.res.headersSent ? isFull(exchange.res) : awaitsClient(exchange)
}
