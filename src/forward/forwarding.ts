import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange, Follower } from '../exchange/exchange.js'
import { unobserved } from '../observer/context.js'
import { clientLeft } from '../response/client.js'
import type { Dispatching, Sending } from './dispatching.js'
import { ForwardCall, type Receiver, type ResponseHead } from './forward-call.js'
import type { Settings } from './options.js'
import { passInterim, Relay } from './relay.js'
import type { RequestBody } from './request-body.js'
import { requestFields } from './request-fields.js'
import type { Fields } from './response-fields.js'
import { originForm, type Place } from './target.js'

/** What a `forward` keeps for all its requests. */
export interface Mounted {
  readonly settings: Settings
  readonly dispatcher: Dispatching
  readonly placeOf: (exchange: Exchange) => Place
}

/** One request on its way to an upstream, and the response on its way back. */
export class Forwarding implements Follower, Receiver {
  readonly closesAt = 'report'
  /** Settled when there is nothing more to do; rejects with a failure that nobody has answered. */
  readonly done: Promise<void>
  readonly #exchange: Exchange
  readonly #mounted: Mounted
  readonly #body: RequestBody
  #call: ForwardCall | undefined
  #relay: Relay | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor(exchange: Exchange, mounted: Mounted, body: RequestBody) {
    this.#exchange = exchange
    this.#mounted = mounted
    this.#body = body
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
    this.#body.release()
    this.#relay = new Relay(this.#exchange, call)
    this.#relay.begin(head, this.#mounted.settings.via)
  }

  data(chunk: Buffer): boolean {
    return this.#relay?.write(chunk) ?? true
  }

  end(trailers: Fields): void {
    this.#relay?.end(trailers)
  }

  switched(): void {}

  ended(call: ForwardCall): void {
    this.#body.release()
    const { response } = this.#exchange
    if (call.failure === undefined || this.#relay || response.settled || clientLeft(response))
      return this.#resolve()
    this.#reject(call.failure)
  }

  /** The response is over: what still comes is not wanted. */
  closed(): void {
    this.#call?.discard()
    this.#body.release()
    this.#resolve()
  }

  #attempt(): void {
    const exchange = this.#exchange
    const sending = this.#sending(this.#mounted.placeOf(exchange))
    const call = new ForwardCall(exchange, sending, this)
    this.#call = call
    exchange.calls.begin(call)
    try {
      // It is known already, and a pooled connection must not hold this request.
      unobserved(() => this.#mounted.dispatcher.dispatch(sending, call))
    } catch (error) {
      call.fail(error)
    }
  }

  #sending({ origin, base, servername }: Place): Sending {
    const { settings } = this.#mounted
    const { req, url } = this.#exchange
    const body = this.#body
    const headers = requestFields(req, url, settings)
    if (body.length !== undefined) headers.push('Content-Length', String(body.length))
    return {
      origin,
      method: req.method ?? 'GET',
      path: base + this.#path(),
      headers,
      body: body.next(),
      ...(servername !== undefined && { servername }),
    }
  }

  #path(): string {
    const { rewrite } = this.#mounted.settings
    const path = originForm(this.#exchange.req.url ?? '/')
    if (rewrite === undefined) return path
    const given: unknown = ask('rewrite of forward', rewrite, path, this.#exchange)
    if (typeof given === 'string' && given.startsWith('/')) return given
    throw new GatewayError('gateway_misconfigured', {
      cause: new TypeError('forward: the function "rewrite" must give a path that begins with "/"'),
    })
  }
}
