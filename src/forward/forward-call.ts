import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
import type { GatewayError } from '../errors/gateway-error.js'
import { Call } from '../exchange/calls.js'
import type { Asked } from '../exchange/deciding.js'
import type { Exchange } from '../exchange/exchange.js'
import { starts } from './connections.js'
import type { Controller, Sending } from './dispatching.js'
import { type Fields, textFields, valueOf } from './response-fields.js'

/** The head of a response. */
export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly fields: Fields
}

/** Who is told what comes of a call. */
export interface Receiver {
  /** An interim response (1xx). */
  interim(head: ResponseHead): void
  head(call: ForwardCall, head: ResponseHead): void
  /**
   * A part of the body; false where no more is wanted for now.
   *
   * @param raw - as it came, where it was changed.
   */
  data(chunk: Buffer, raw?: Buffer): boolean
  /** The response is whole; gives what is wrong with it all the same. */
  end(trailers: Fields): GatewayError | undefined
  switched(call: ForwardCall, head: ResponseHead, socket: Duplex): void
  /** Nothing more will come of it. */
  ended(call: ForwardCall): void
}

/** A call of our own, which is the handler of its request as well: it tells of itself. */
export class ForwardCall extends Call {
  readonly path: string
  connection: Socket | undefined = undefined
  isReused = false
  #exchange: Exchange | undefined
  #sending: Sending | undefined
  #receiver: Receiver | undefined
  #controller: Controller | undefined = undefined
  /** Why it was ended before it was sent. */
  #reason: Error | undefined = undefined
  #fields: Fields = []
  #received = 0
  #feeds = false

  constructor(exchange: Exchange, sending: Sending, receiver: Receiver) {
    super(exchange.calls)
    this.path = sending.path
    this.#exchange = exchange
    this.#sending = sending
    this.#receiver = receiver
  }

  /** undici begins to send it: the connection stands. */
  onRequestStart(controller: Controller): void {
    if (this.#reason) return controller.abort(this.#reason)
    this.#controller = controller
    this.connectedAt ??= performance.now()
    starts(this)
  }

  onResponseStart(
    controller: Controller,
    status: number,
    parsed: object,
    reason: string | undefined,
  ): void {
    if (this.state !== 'open') return
    const fields = textFields(controller.rawHeaders, parsed)
    const head = { status, reason: reason ?? '', fields }
    if (status >= 100 && status < 200) return this.#receiver?.interim(head)
    this.#fields = fields
    this.answered({ status, coding: valueOf(fields, 'transfer-encoding') })
    // Its head has made it a failure.
    if (this.state !== 'open') return this.destroy(this.failure)
    this.#receiver?.head(this, head)
    // undici would miss the body that its Content-Length tells of (RFC 9110, section 15.4.5).
    if (status === 304) this.#whole([])
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#received += chunk.length
    if (this.#receiver?.data(chunk) === false) controller.pause()
  }

  onResponseEnd(controller: Controller, parsed: object): void {
    if (this.state !== 'open') return
    // undici takes a reset for the end of a body that ends with its connection.
    const errored: unknown = this.connection?.errored
    if (errored) this.fail(errored)
    else this.#whole(textFields(controller.rawTrailers, parsed))
  }

  #whole(trailers: Fields): void {
    const fault = this.#receiver?.end(trailers)
    if (fault) this.fail(fault)
    else this.end('complete')
  }

  onRequestUpgrade(controller: Controller, status: number, parsed: object, socket: Duplex): void {
    const fields = textFields(controller.rawHeaders, parsed)
    this.#fields = fields
    this.status = status
    this.answeredAt = performance.now()
    this.#receiver?.switched(this, { status, reason: '', fields }, socket)
  }

  onResponseError(_controller: unknown, error: unknown): void {
    if (this.state === 'open') this.fail(error)
  }

  override end(state: 'complete' | 'failed' | 'aborted'): void {
    if (this.state !== 'open') return
    super.end(state)
    const receiver = this.#receiver
    this.#receiver = undefined
    receiver?.ended(this)
  }

  /** From now on its response is that of the client. */
  feed(): void {
    this.#feeds = true
  }

  /** More of the response is wanted. */
  resume(): void {
    this.#controller?.resume()
  }

  /** Ends it at its head, which is all that is wanted of it. */
  drop(): void {
    this.end('complete')
    this.destroy()
  }

  /** Ends it without a failure: its response is not wanted. */
  discard(): void {
    this.end('aborted')
    this.destroy()
  }

  destroy(error: Error = new DOMException('The client left.', 'AbortError')): void {
    const controller = this.#controller
    if (controller) controller.abort(error)
    else this.#reason = error
    // Nobody tells of one that waits for its connection.
    if (this.state === 'open') this.fail(error)
  }

  /** Whoever forwards answers for it. */
  override answerFor(): void {}

  /** The response is read on by itself. */
  drain(): void {}

  /** Every error is told at once. */
  broken(): unknown {
    return undefined
  }

  asksFor(method: string | undefined, target: string): boolean {
    return this.#sending?.path === target && this.#sending.method === method
  }

  asked(): Asked | undefined {
    const sending = this.#sending
    const { headers } = this.#exchange?.req ?? {}
    if (sending === undefined || headers === undefined) return undefined
    return {
      method: sending.method,
      target: sending.path,
      contentType: headers['content-type'],
      contentLength: headers['content-length'],
      isChunked: headers['transfer-encoding'] !== undefined,
      mayBeShared: false,
    }
  }

  takesBodyOf(req: IncomingMessage): boolean {
    return this.#exchange?.req === req
  }

  feeds(target: Writable): boolean {
    return this.#feeds && this.#exchange?.response.res === target
  }

  /** Whoever forwards answers for it. */
  isUnheard(): boolean {
    return false
  }

  bytesRead(): number {
    return this.#received
  }

  connected(): boolean {
    return this.#controller !== undefined
  }

  /** undici itself compares what was announced with what was sent. */
  lacksBody(): boolean {
    return false
  }

  fields(): IncomingHttpHeaders {
    const parsed: Record<string, string> = {}
    const fields = this.#fields
    for (let at = 0; at < fields.length; at += 2) {
      const name = (fields[at] ?? '').toLowerCase()
      const value = fields[at + 1] ?? ''
      parsed[name] = parsed[name] === undefined ? value : `${parsed[name]}, ${value}`
    }
    return parsed
  }

  protected release(): void {
    this.#exchange = undefined
    this.#sending = undefined
    this.#receiver = undefined
    this.#controller = undefined
    this.connection = undefined
    this.#fields = []
  }
}
