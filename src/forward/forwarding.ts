import type { Duplex } from 'node:stream'
import { GatewayError } from '../errors/gateway-error.js'
import { upstreamError } from '../exchange/explain.js'
import type { Exchange, Follower } from '../exchange/exchange.js'
import { isRepeatable } from '../exchange/repeatable.js'
import { unobserved } from '../observer/context.js'
import { Course } from './course.js'
import { whileSending } from './added-fields.js'
import { FirstEvent, type Held, LastEvent } from './first-event.js'
import { ForwardCall, type Receiver, type ResponseHead } from './forward-call.js'
import type { Mounted, Target } from './mounted.js'
import type { Passage } from './passage.js'
import { isOver, isStale, type Plan } from './plan.js'
import { passInterim, Relay } from './relay.js'
import { type Fields, isEventStream, valueOf } from './response-fields.js'
import { sendingTo, type Sent } from './sending.js'
import { switchTo } from './switched.js'
import { isAboutClient, translate } from './translation.js'

/** One request on its way to its targets, attempt by attempt, and a response on its way back. */
export class Forwarding implements Follower, Receiver {
  readonly closesAt = 'report'
  /** Settled when there is nothing more to do; rejects with a failure that nobody has answered. */
  readonly done: Promise<void>
  readonly #exchange: Exchange
  readonly #mounted: Mounted
  readonly #sent: Sent
  readonly #course: Course
  #attempts = 0
  /** Whether a connection that was closed while it was idle has been made up for. */
  #excused = false
  #call: ForwardCall | undefined
  #passage: Passage | undefined
  /** What follows the attempt, where its head has decided that. */
  #planned: Plan | undefined
  #first: Held | undefined
  #last: LastEvent | undefined
  /** The head of a body that has not begun. */
  #waiting: ResponseHead | undefined
  #relay: Relay | undefined
  #timer: NodeJS.Timeout | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor(exchange: Exchange, mounted: Mounted, sent: Sent) {
    this.#exchange = exchange
    this.#mounted = mounted
    this.#sent = sent
    this.#course = new Course(exchange, mounted, sent.body)
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    exchange.follow(this)
    this.#attempt()
  }

  interim(head: ResponseHead): void {
    passInterim(this.#exchange, head)
  }

  head(call: ForwardCall, head: ResponseHead): void {
    const { status, fields } = head
    this.#passage?.answered(call)
    if (status >= 400)
      this.#planned = this.#course.plan({ status, asked: valueOf(fields, 'retry-after') })
    if (this.#planned) return call.drop()
    const isStream = status < 300 && isEventStream(fields)
    if (isStream) this.#last = new LastEvent()
    if (isStream && this.#course.hasOther) this.#first = { head, event: new FirstEvent() }
    // Without its body it is of no use, and where that never comes there can still be an answer.
    else if (Number(valueOf(fields, 'content-length')) > 0) this.#waiting = head
    else this.#begin(call, head)
  }

  data(chunk: Buffer, raw = chunk): boolean {
    this.#last?.push(raw)
    if (this.#waiting && this.#call) this.#begin(this.#call, this.#waiting)
    if (this.#first) return this.#awaitFirst(this.#first, chunk, raw)
    return chunk.length === 0 || (this.#relay?.write(chunk) ?? true)
  }

  end(trailers: Fields): GatewayError | undefined {
    if (this.#first) this.#beginWithHeld(this.#first)
    if (this.#waiting && this.#call) this.#begin(this.#call, this.#waiting)
    this.#relay?.end(trailers)
    return this.#last?.isError === true
      ? this.#streamError('The event stream has ended with an error event.')
      : undefined
  }

  switched(call: ForwardCall, head: ResponseHead, upstream: Duplex): void {
    const { upgrading } = this.#sent
    if (upgrading === undefined) return void upstream.destroy()
    switchTo(upstream, this.#exchange, upgrading, head)
    if (call.state === 'open') call.end('complete')
  }

  ended(call: ForwardCall): void {
    if (call !== this.#call) return
    const { failure } = call
    const isExcused = isStale(call) && !this.#excused && isRepeatable(this.#exchange)
    this.#leave(call, isExcused)
    if (isExcused && this.#sent.body.isWhole && !isOver(this.#exchange)) {
      this.#excused = true
      return this.#go({ what: 'again' })
    }
    const isFailed = failure !== undefined && this.#relay === undefined
    const isUnsent = call.connectedAt === undefined
    const plan = this.#planned ?? (isFailed ? this.#course.plan({ failure, isUnsent }) : undefined)
    this.#planned = undefined
    this.#first = undefined
    this.#waiting = undefined
    this.#go(plan, isFailed ? failure : undefined)
  }

  /** The response is over: what still comes is not wanted. */
  closed(): void {
    const call = this.#call
    if (call) {
      this.#leave(call)
      call.discard()
    }
    this.#finish()
  }

  #attempt(): void {
    const { target } = this.#course
    if (isOver(this.#exchange)) return this.#finish()
    // The circuit around all of it may have opened while this one waited.
    const shut = this.#attempts > 0 && this.#exchange.refusal
    if (shut) return this.#finish(shut)
    if (target.name !== undefined) this.#exchange.upstream = target.name
    if (target.circuit === undefined) return this.#ask(target)
    target.circuit.enter(this.#exchange).then(
      (passage) => {
        this.#passage = passage
        if (isOver(this.#exchange)) this.#finish()
        else this.#ask(target)
      },
      (refusal: unknown) => this.#refused(refusal),
    )
  }

  #ask(target: Target): void {
    const { transform } = target
    const { body, upgrading } = this.#sent
    if (transform === undefined || upgrading) return this.#send(target, this.#sent, this)
    translate(this.#exchange, transform, this.#mounted.settings).then(
      ({ edits, receiving }) => {
        if (isOver(this.#exchange)) this.#finish()
        else this.#send(target, { body, edits }, receiving(this))
      },
      (error: unknown) => this.#untold(error),
    )
  }

  /**
   * A target cannot be told the request. Where an earlier one could, that is no fault of the client:
   * such a target is passed over, and the last failure is the answer.
   */
  #untold(error: unknown): void {
    const { before, hasNext } = this.#course
    if (before === undefined || !isAboutClient(error)) return this.#finish(error)
    this.#leave()
    if (hasNext) return this.#go({ what: 'next' })
    this.#exchange.upstream = before.options.upstream
    this.#finish(before)
  }

  #send(target: Target, sent: Sent, receiver: Receiver): void {
    const { settings, dispatcher } = this.#mounted
    try {
      const sending = sendingTo(target, this.#exchange, settings, sent)
      const call = new ForwardCall(this.#exchange, sending, receiver)
      call.attempt = ++this.#attempts
      call.upstream = target.name
      this.#call = call
      this.#passage?.begin(call)
      this.#exchange.calls.begin(call)
      // It is known already, and a pooled connection must not hold this request.
      whileSending(sending, () => unobserved(() => dispatcher.dispatch(sending, call)))
    } catch (error) {
      if (this.#call?.state === 'open') this.#call.fail(error)
      else this.#finish(error)
    }
  }

  /** A circuit has let nothing through. */
  #refused(refusal: unknown): void {
    const isRefusal = GatewayError.is(refusal)
    const plan = isRefusal
      ? this.#course.plan({ failure: refusal, isUnsent: true }, true)
      : undefined
    this.#go(plan, refusal)
  }

  #go(plan: Plan | undefined, error?: unknown): void {
    if (plan === undefined) return this.#finish(error)
    this.#course.take(plan)
    if (plan.what !== 'retry') return this.#attempt()
    this.#timer = setTimeout(() => this.#attempt(), plan.wait).unref()
  }

  #begin(call: ForwardCall, head: ResponseHead): void {
    this.#waiting = undefined
    this.#sent.body.release()
    this.#relay = new Relay(this.#exchange, call)
    const { via, keepAlive } = this.#mounted.settings
    this.#relay.begin(head, via, keepAlive)
    this.#passage?.headOut(call)
  }

  #awaitFirst(first: Held, chunk: Buffer, raw: Buffer): boolean {
    const found = first.event.push(chunk, raw)
    if (found === undefined) return true
    if (found === 'content') return this.#beginWithHeld(first)
    const failure = this.#streamError('The event stream has begun with an error event.')
    this.#planned = this.#course.plan({ failure })
    if (this.#planned === undefined) return this.#beginWithHeld(first)
    this.#call?.destroy(failure)
    return true
  }

  /** The stream has begun: what was kept back goes out. */
  #beginWithHeld({ head, event }: Held): boolean {
    this.#first = undefined
    if (this.#call === undefined) return true
    this.#begin(this.#call, head)
    return event.chunks.map((chunk) => this.#relay?.write(chunk)).every((more) => more !== false)
  }

  #streamError(message: string): GatewayError {
    return upstreamError(this.#exchange, 'upstream_error', { cause: new Error(message) })
  }

  #leave(call?: ForwardCall, isExcused = false): void {
    this.#passage?.end(call, isExcused)
    this.#passage = undefined
    this.#call = undefined
  }

  #finish(error?: unknown): void {
    clearTimeout(this.#timer)
    this.#relay?.stop()
    this.#passage?.end(undefined)
    this.#passage = undefined
    this.#sent.body.release()
    if (error === undefined || isOver(this.#exchange)) this.#resolve()
    else this.#reject(error)
  }
}
