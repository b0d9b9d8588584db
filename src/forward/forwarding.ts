import type { Duplex } from 'node:stream'
import { GatewayError } from '../errors/gateway-error.js'
import { upstreamError } from '../exchange/explain.js'
import type { Exchange, Follower } from '../exchange/exchange.js'
import { isRepeatable } from '../exchange/repeatable.js'
import { unobserved } from '../observer/context.js'
import type { Sending } from './dispatching.js'
import { LastEvent } from './first-event.js'
import { ForwardCall, type Receiver, type ResponseHead } from './forward-call.js'
import type { Mounted, Target } from './mounted.js'
import { type Opening, openingOf } from './opening.js'
import type { Passage } from './passage.js'
import { isOver, isStale, type Plan, planAfter, type Seen } from './plan.js'
import { passInterim, Relay } from './relay.js'
import { type Fields, isEventStream, valueOf } from './response-fields.js'
import { changedSending, sendingTo, type Sent } from './sending.js'
import { switchTo } from './switched.js'
import type { Changer } from './target-transform.js'

/** One request on its way to its targets, attempt by attempt, and a response on its way back. */
export class Forwarding implements Follower, Receiver {
  readonly closesAt = 'report'
  /** Settled when there is nothing more to do; rejects with a failure that nobody has answered. */
  readonly done: Promise<void>
  readonly #exchange: Exchange
  readonly #mounted: Mounted
  readonly #sent: Sent
  #at = 0
  #retries = 0
  #attempts = 0
  /** Whether a connection that was closed while it was idle has been made up for. */
  #excused = false
  #call: ForwardCall | undefined
  #passage: Passage | undefined
  /** What follows the attempt, where its head has decided that. */
  #planned: Plan | undefined
  #opening: Opening | undefined
  #last: LastEvent | undefined
  #relay: Relay | undefined
  /** What changes the request for its target, and the response. */
  #changer: Changer | undefined
  #timer: NodeJS.Timeout | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor(exchange: Exchange, mounted: Mounted, sent: Sent) {
    this.#exchange = exchange
    this.#mounted = mounted
    this.#sent = sent
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
    if (status >= 400) this.#planned = this.#plan({ status, asked: valueOf(fields, 'retry-after') })
    if (this.#planned) return call.drop()
    if (isEventStream(fields)) this.#last = new LastEvent()
    this.#opening = openingOf(head, this.#hasOther)
    if (this.#opening === undefined) this.#begin(call, head)
  }

  data(chunk: Buffer): boolean {
    this.#last?.push(chunk)
    const opening = this.#opening
    if (opening === undefined) return this.#relay?.write(chunk) ?? true
    const found = opening.push(chunk)
    if (found === undefined || (found === 'error' && this.#fallsOver())) return true
    return this.#open(opening)
  }

  end(trailers: Fields): GatewayError | undefined {
    if (this.#opening) this.#open(this.#opening)
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
    const plan = this.#planned ?? (isFailed ? this.#plan({ failure, isUnsent }) : undefined)
    this.#planned = undefined
    this.#opening = undefined
    if (plan) this.#go(plan)
    else this.#finish(isFailed ? failure : undefined)
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
    const target = this.#target
    if (isOver(this.#exchange)) return this.#finish()
    if (target.name !== undefined) this.#exchange.upstream = target.name
    if (target.circuit === undefined) return this.#send(target)
    target.circuit.enter(this.#exchange).then(
      (passage) => {
        this.#passage = passage
        if (isOver(this.#exchange)) this.#finish()
        else this.#send(target)
      },
      (refusal: unknown) => this.#refused(refusal),
    )
  }

  #send(target: Target): void {
    const { settings } = this.#mounted
    const exchange = this.#exchange
    try {
      this.#changer = target.changerOf?.(exchange)
      if (this.#changer === undefined)
        return this.#dispatch(target, sendingTo(target, exchange, settings, this.#sent))
      const given = { settings, sent: this.#sent }
      changedSending(this.#changer, target, exchange, given).then(
        (sending) => (isOver(exchange) ? this.#finish() : this.#dispatch(target, sending)),
        (error: unknown) => this.#finish(error),
      )
    } catch (error) {
      this.#finish(error)
    }
  }

  #dispatch(target: Target, sending: Sending): void {
    const call = new ForwardCall(this.#exchange, sending, this)
    call.attempt = ++this.#attempts
    call.upstream = target.name
    this.#call = call
    this.#passage?.begin(call)
    this.#exchange.calls.begin(call)
    try {
      // It is known already, and a pooled connection must not hold this request.
      unobserved(() => this.#mounted.dispatcher.dispatch(sending, call))
    } catch (error) {
      call.fail(error)
    }
  }

  /** A circuit has let nothing through. */
  #refused(refusal: unknown): void {
    const isRefusal = GatewayError.is(refusal)
    const plan = isRefusal ? this.#plan({ failure: refusal, isUnsent: true }, true) : undefined
    if (plan) this.#go(plan)
    else this.#finish(refusal)
  }

  #plan(seen: Seen, isRefused = false): Plan | undefined {
    return planAfter(seen, this.#exchange, this.#mounted, {
      at: this.#at,
      // An open circuit is not asked again.
      retries: isRefused ? Infinity : this.#retries,
      isWhole: this.#sent.body.isWhole,
    })
  }

  #go(plan: Plan): void {
    if (plan.what === 'retry') {
      this.#retries++
      this.#timer = setTimeout(() => this.#attempt(), plan.wait).unref()
      return
    }
    if (plan.what === 'next') {
      this.#at++
      this.#retries = 0
    }
    this.#attempt()
  }

  #begin(call: ForwardCall, head: ResponseHead): void {
    this.#sent.body.release()
    this.#changer?.follow(this.#exchange)
    this.#relay = new Relay(this.#exchange, call)
    const { via, keepAlive } = this.#mounted.settings
    this.#relay.begin(head, via, keepAlive)
    this.#passage?.headOut(call)
  }

  /** A stream whose first event is an error has not begun: whether there is another attempt. */
  #fallsOver(): boolean {
    const failure = this.#streamError('The event stream has begun with an error event.')
    this.#planned = this.#plan({ failure })
    if (this.#planned) this.#call?.destroy(failure)
    return this.#planned !== undefined
  }

  /** The response has begun: what was kept back goes out. */
  #open({ head, chunks }: Opening): boolean {
    this.#opening = undefined
    if (this.#call === undefined) return true
    this.#begin(this.#call, head)
    return chunks.map((chunk) => this.#relay?.write(chunk)).every((more) => more !== false)
  }

  #streamError(message: string): GatewayError {
    return upstreamError(this.#exchange, 'upstream_error', { cause: new Error(message) })
  }

  #leave(call: ForwardCall, isExcused = false): void {
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

  get #target(): Target {
    return this.#mounted.targets[this.#at] as Target
  }

  /** Whether there would be another attempt. */
  get #hasOther(): boolean {
    const { targets, settings } = this.#mounted
    return this.#at + 1 < targets.length || this.#retries < settings.retries
  }
}
