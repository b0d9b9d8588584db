import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ApiCall, MOST_KEPT, MOST_READ } from './call.js'
import { since } from './finding.js'
import type { Answer, Arrival } from './received.js'

const MOST_ARRIVALS = 10_000
const MOST_FIRST = 64
const MOST_INTERIM = 20

/** One request with all that can become of it. */
export class Exchange {
  readonly done: Promise<Answer>
  private readonly startedAt = performance.now()
  private readonly interim: number[] = []
  private readonly kept: Buffer[] = []
  private readonly arrivals: Arrival[] = []
  private response: IncomingMessage | undefined
  private first = Buffer.alloc(0)
  private bodyBytes = 0
  private headMs: number | undefined
  private lastAt = this.startedAt
  private error: unknown
  private timer: NodeJS.Timeout
  private resolve: (answer: Answer) => void = () => {}
  private readonly call: ClientRequest
  private readonly timeout: number
  private readonly method: string
  private socket: Socket | undefined

  constructor(
    call: ClientRequest,
    { method, body }: ApiCall,
    timeout: number,
    onSocket: (socket: Socket) => void,
  ) {
    this.done = new Promise((resolve) => (this.resolve = resolve))
    this.call = call
    this.method = method
    this.timeout = timeout
    this.timer = setTimeout(() => this.giveUp(), timeout)
    call
      .once('socket', (socket) => {
        this.socket = socket
        onSocket(socket)
        socket.prependListener('data', this.tap)
      })
      .on('information', ({ statusCode }) => {
        if (this.interim.length < MOST_INTERIM) this.interim.push(statusCode)
      })
      .once('response', (response) => this.onResponse(response))
      .once('upgrade', (response, socket) => {
        socket.destroy()
        this.onResponse(response)
      })
      .on('error', (error) => this.fail(error))
      .end(body)
  }

  private readonly tap = (bytes: Buffer): void => {
    this.lastAt = performance.now()
    if (this.first.length < MOST_FIRST)
      this.first = Buffer.concat([this.first, bytes]).subarray(0, MOST_FIRST)
  }

  private onResponse(response: IncomingMessage): void {
    this.response = response
    this.headMs = since(this.startedAt)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.giveUp(), this.timeout)
    response
      .on('data', (bytes: Buffer) => this.onBody(bytes))
      .on('error', (error) => this.fail(error))
      // What comes after the end, in the same packet, is told in the same turn.
      .once('end', () => setImmediate(() => this.settle(false)))
    if (response.statusCode === 101) this.settle(false)
  }

  private onBody(bytes: Buffer): void {
    const room = MOST_KEPT - this.bodyBytes
    if (room > 0) this.kept.push(bytes.subarray(0, room))
    this.bodyBytes += bytes.length
    if (this.arrivals.length < MOST_ARRIVALS)
      this.arrivals.push({ ms: since(this.startedAt), bytes: this.bodyBytes })
    if (this.bodyBytes > MOST_READ) this.giveUp()
  }

  /** After the head, the response itself has the last word: its end may still come. */
  private fail(error: unknown): void {
    this.error ??= error
    if (this.response === undefined || this.response.destroyed) this.settle(false)
    else setImmediate(() => this.settle(false))
  }

  private giveUp(): void {
    this.settle(true)
    this.call.destroy()
  }

  private settle(late: boolean): void {
    clearTimeout(this.timer)
    this.socket?.off('data', this.tap)
    const { response } = this
    this.resolve({
      method: this.method,
      status: response?.statusCode,
      reason: response?.statusMessage ?? '',
      version: response?.httpVersion ?? '',
      rawHeaders: response?.rawHeaders ?? [],
      interim: this.interim,
      body: Buffer.concat(this.kept),
      bodyBytes: this.bodyBytes,
      complete: response?.complete === true && !late,
      arrivals: this.arrivals,
      firstBytes: this.first,
      headMs: this.headMs,
      ms: since(this.startedAt),
      silentMs: since(this.lastAt),
      late,
      reused: this.call.reusedSocket,
      error: this.error,
    })
  }
}
