import type { OutgoingHttpHeaders } from 'node:http'
import type { Later } from '../common/later.js'
import { announcedLength } from '../content/framing.js'
import { refuseFraming } from '../content/strict-framing.js'
import { removeField, setField } from '../content/writable.js'
import { GatewayError } from '../errors/gateway-error.js'
import { type PeekOptions, peekBody, replaceBody } from '../exchange/body.js'
import { upstreamError } from '../exchange/explain.js'
import type { Exchange, Follower } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { answerBroken, hasOwnContent, isEventStream, replaceResponse } from '../exchange/replace.js'
import type { Review } from '../exchange/review.js'
import { startObserver } from '../observer/start.js'
import { observe, watch } from '../observer/watch.js'
import { ChangedHead, type Head, type StreamChange } from '../response/head.js'
import type { Edits } from './change.js'
import { EventsChanger } from './events.js'
import {
  checkTransform,
  type Settings,
  settingsOf,
  transformerFor,
  type TransformOptions,
} from './options.js'
import { changeRequest } from './request.js'
import { changeResponse, untranslated } from './response.js'
import type { Transform, Transformer } from './types.js'

/** Milliseconds until the whole body of a request must have arrived, as in `validate`. */
const BODY_TIMEOUT = 30_000

/**
 * Makes another request of each request, and another response of the one that it brings.
 *
 * @throws {TypeError} when the transform or an option is wrong.
 */
export function transformStep(given: Transform, options: TransformOptions = {}): Step {
  checkTransform(given)
  const settings = settingsOf(options)
  const peek = { limit: settings.limit, timeout: BODY_TIMEOUT, place: {}, reader: 'transform' }
  startObserver()
  return async function transform(exchange, next) {
    const transformer = transformerFor(given, exchange)
    if (transformer === undefined) return void (await next())
    const accepts = exchange.req.headers[ACCEPTS]
    const bytes = hasBodyFor(transformer, exchange) ? await peekBody(exchange, peek) : EMPTY
    const edits = editsFor(transformer, exchange, bytes, peek.limit)
    apply(exchange, edits instanceof Promise ? await edits : edits, peek)
    if (!transformer.response && !transformer.events) return void (await next())
    watch(exchange)
    exchange.follow(new Changes(exchange, transformer, { ...settings, accepts }))
    await observe(exchange, next)
  }
}

const EMPTY = Buffer.alloc(0)

/** Whether there is a body that the transformer is to see. */
function hasBodyFor(transformer: Transformer, { req }: Exchange): boolean {
  if (transformer.request === undefined || announcedLength(req) === 0) return false
  refuseFraming(req)
  return true
}

function editsFor(
  transformer: Transformer,
  { req, params }: Exchange,
  bytes: Buffer,
  limit: number,
): Later<Edits | undefined> {
  const { method = 'GET', url: path = '/', headers } = req
  return changeRequest(transformer, { method, path, params, headers, bytes }, limit)
}

/** Changes the request in place, before the proxy looks at it. */
function apply(exchange: Exchange, edits: Edits | undefined, peek: PeekOptions): void {
  if (edits === undefined) return
  const { req } = exchange
  const { method, path, fields, body } = edits
  if (body && !(body.length === 0 && announcedLength(req) === 0)) replaceBody(exchange, body, peek)
  if (method !== undefined) req.method = method
  if (path !== undefined) req.url = path
  for (const [name, value] of fields)
    if (value === null) removeField(req, name.toLowerCase())
    else setField(req, name, value)
}

const ACCEPTS = 'accept-encoding'

/** What is known of one request. */
interface Rules extends Settings {
  /** What its client accepts. */
  readonly accepts?: string | undefined
}

/** Changes the response of one request, on its way to the client. */
class Changes implements Follower {
  readonly #transformer: Transformer
  readonly #limit: number
  readonly #headers: OutgoingHttpHeaders
  readonly #accepts: string | undefined

  constructor({ res }: Exchange, transformer: Transformer, { responseLimit, accepts }: Rules) {
    this.#transformer = transformer
    this.#limit = responseLimit
    this.#headers = { ...res.getHeaders() }
    this.#accepts = accepts
  }

  review(exchange: Exchange, head: Head): Review {
    // The upstream was asked; what a compressor before us reads is what the client accepts.
    if (this.#accepts !== undefined) setField(exchange.req, ACCEPTS, this.#accepts)
    if (exchange.response.settled || !head.fields || !hasOwnContent(exchange, head))
      return undefined
    if (isEventStream(head)) return this.#stream(exchange, head)
    if (!this.#transformer.response) return undefined
    const over = () => this.#refuse(exchange, 'upstream_response_too_large')
    if (Number(head.header('content-length')) > this.#limit) return over
    return {
      limit: this.#limit,
      headers: this.#headers,
      over,
      broken: (error) => answerBroken(exchange, error),
      change: (bytes) =>
        changeResponse(
          this.#transformer,
          { ...viewOf(head), bytes },
          { limit: this.#limit, upstream: exchange.upstream },
        ),
    }
  }

  /** Events are changed as they come; a stream is never held. */
  #stream(exchange: Exchange, head: Head): Review {
    const named = { upstream: exchange.upstream }
    try {
      const events = this.#transformer.events?.(viewOf(head))
      if (!events) return undefined
      // It was asked for without one.
      if ((head.header('content-encoding') ?? 'identity') !== 'identity')
        return () => this.#refuse(exchange, 'upstream_encoding_invalid')
      return this.#changeOf(
        exchange,
        head,
        new EventsChanger(events, { limit: this.#limit, ...named }),
      )
    } catch (error) {
      return () => this.#refuse(exchange, untranslated(error, named))
    }
  }

  #changeOf(exchange: Exchange, head: Head, changer: EventsChanger): StreamChange {
    return {
      head: new ChangedHead(head, { fields: changer.fields }),
      get isBroken() {
        return changer.failure !== undefined
      },
      push: (bytes) => changer.push(bytes),
      end: () => changer.end(),
      breakOff: () => changer.failure && this.#refuse(exchange, changer.failure),
    }
  }

  #refuse(exchange: Exchange, why: GatewayError | Parameters<typeof upstreamError>[1]): void {
    const error = GatewayError.is(why) ? why : upstreamError(exchange, why)
    replaceResponse(exchange, error, this.#headers)
    // The client has its answer; what the proxy makes of the abort finds a sealed response.
    exchange.calls.abort(error)
  }
}

const viewOf = (head: Head) => ({ status: head.status ?? 0, headers: head.fields?.() ?? {} })
