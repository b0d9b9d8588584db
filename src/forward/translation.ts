import { ByteList } from '../content/byte-list.js'
import { codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { upstreamError } from '../exchange/explain.js'
import type { Exchange } from '../exchange/exchange.js'
import type { FieldEdit } from '../response/head.js'
import type { Edits } from '../transform/change.js'
import { EventsChanger } from '../transform/events.js'
import { transformerFor } from '../transform/options.js'
import { changeRequest } from '../transform/request.js'
import { changeResponse, untranslated } from '../transform/response.js'
import type { Transform, Transformer } from '../transform/types.js'
import type { ForwardCall, Receiver, ResponseHead } from './forward-call.js'
import type { Settings } from './options.js'
import { isOver } from './plan.js'
import { type Fields, isEventStream } from './response-fields.js'
import { pathOf } from './sending.js'

/** One attempt whose target has a transform. */
class Translation {
  readonly #exchange: Exchange
  readonly #transformer: Transformer
  readonly #limit: number

  constructor(exchange: Exchange, transformer: Transformer, limit: number) {
    this.#exchange = exchange
    this.#transformer = transformer
    this.#limit = limit
  }

  /** What is sent instead of the request, whose body was read before. */
  async request(path: string): Promise<Edits | undefined> {
    const { req, params, body } = this.#exchange
    const bytes = (await body) ?? Buffer.alloc(0)
    const { method = 'GET', headers } = req
    const given = { method, path, params, headers, bytes }
    return changeRequest(this.#transformer, given, this.#limit)
  }

  /** Stands between a call and its receiver, and changes what comes back. */
  receiver(receiver: Receiver): Receiver {
    return new Changed(receiver, this.#exchange, this.#transformer, this.#limit)
  }
}

const NONE = Buffer.alloc(0)

/** A response that is collected, since only the whole of it can be changed. */
interface Whole {
  readonly head: ResponseHead
  readonly headers: ReturnType<ForwardCall['fields']>
  readonly bytes: ByteList
}

/** Changes a response on its way from a call to its receiver. */
class Changed implements Receiver {
  readonly #receiver: Receiver
  readonly #exchange: Exchange
  readonly #transformer: Transformer
  readonly #limit: number
  #call: ForwardCall | undefined
  #events: EventsChanger | undefined
  #whole: Whole | undefined

  constructor(receiver: Receiver, exchange: Exchange, transformer: Transformer, limit: number) {
    this.#receiver = receiver
    this.#exchange = exchange
    this.#transformer = transformer
    this.#limit = limit
  }

  interim(head: ResponseHead): void {
    this.#receiver.interim(head)
  }

  switched(...switched: Parameters<Receiver['switched']>): void {
    this.#receiver.switched(...switched)
  }

  head(call: ForwardCall, head: ResponseHead): void {
    this.#call = call
    if (isEventStream(head.fields)) return this.#beginEvents(call, head)
    if (this.#transformer.response === undefined || this.#isBodiless(head))
      return this.#receiver.head(call, head)
    this.#whole = { head, headers: call.fields(), bytes: new ByteList() }
  }

  data(chunk: Buffer): boolean {
    if (this.#whole) return this.#collect(this.#whole.bytes, chunk)
    if (this.#events === undefined) return this.#receiver.data(chunk)
    const text = this.#events.push(chunk)
    const { failure } = this.#events
    // Whether it is an error is told by what the upstream has sent; what gives nothing begins nothing.
    const more = (failure && text === '') || this.#receiver.data(Buffer.from(text), chunk)
    if (failure) this.#breakOff(failure)
    return more
  }

  end(trailers: Fields): GatewayError | undefined {
    if (this.#whole) return undefined
    if (this.#events === undefined) return this.#receiver.end(trailers)
    this.#receiver.data(Buffer.from(this.#events.end()), NONE)
    const { failure } = this.#events
    // The client is told before the call tells of its end.
    if (failure && this.#exchange.res.headersSent) this.#exchange.fail(failure)
    return failure ?? this.#receiver.end([])
  }

  ended(call: ForwardCall): void {
    const whole = this.#whole
    this.#whole = undefined
    if (whole === undefined || call.failure) return this.#receiver.ended(call)
    this.#change(whole)
      .then(
        ({ head, body }) => this.#give(call, head, body),
        (error: unknown) => {
          call.failure = untranslated(error, this.#exchange)
        },
      )
      .finally(() => this.#receiver.ended(call))
  }

  #isBodiless({ status }: ResponseHead): boolean {
    return status === 204 || status === 304 || this.#exchange.req.method === 'HEAD'
  }

  #beginEvents(call: ForwardCall, head: ResponseHead): void {
    const { upstream } = this.#exchange
    try {
      const events = this.#transformer.events?.({ status: head.status, headers: call.fields() })
      this.#events = events && new EventsChanger(events, { limit: this.#limit, upstream })
    } catch (error) {
      return call.destroy(untranslated(error, { upstream }))
    }
    const fields = this.#events ? editedFields(head.fields, this.#events.fields) : head.fields
    this.#receiver.head(call, { status: head.status, reason: head.reason, fields })
  }

  #breakOff(failure: GatewayError): void {
    const call = this.#call
    if (call?.state !== 'open') return
    if (!this.#exchange.res.headersSent) return call.destroy(failure)
    call.failure = failure
    this.#exchange.fail(failure)
    call.abort(failure)
  }

  #collect(bytes: ByteList, chunk: Buffer): boolean {
    bytes.add(chunk)
    if (bytes.size > this.#limit)
      this.#call?.destroy(upstreamError(this.#exchange, 'upstream_response_too_large'))
    return true
  }

  async #change({ head, headers, bytes }: Whole): Promise<{ head: ResponseHead; body: Buffer }> {
    const { upstream } = this.#exchange
    const given = { status: head.status, headers, bytes: bytes.concat() }
    const edits = await changeResponse(this.#transformer, given, { limit: this.#limit, upstream })
    const body = edits?.body ?? given.bytes
    const length = ['Content-Length', String(body.length)] as const
    const fields = editedFields(head.fields, [...(edits?.fields ?? []), length])
    const { status = head.status } = edits ?? {}
    return { head: { status, reason: head.reason, fields }, body }
  }

  #give(call: ForwardCall, head: ResponseHead, body: Buffer): void {
    if (isOver(this.#exchange)) return
    this.#receiver.head(call, head)
    this.#receiver.data(body)
    this.#receiver.end([])
  }
}

/** The fields of a response, with some of them set or removed. */
function editedFields(fields: Fields, edits: readonly FieldEdit[]): Fields {
  const changes = new Map(
    edits.map(([name, value]) => [name.toLowerCase(), [name, value] as const]),
  )
  const kept = fields.filter((_, at) => !changes.has((fields[at - (at % 2)] ?? '').toLowerCase()))
  for (const [name, value] of changes.values()) if (value !== null) kept.push(name, value)
  return kept
}

/** Whether an error is one of ours about the client, or an http-error below 500. */
export function isAboutClient(error: unknown): boolean {
  if (GatewayError.is(error)) return codes[error.code].about === 'client'
  const status: unknown = Reflect.get(Object(error), 'status')
  return typeof status === 'number' && status >= 400 && status < 500
}

/** What a request has become for a target that speaks another format. */
export interface Translated {
  readonly edits: Edits | undefined
  /** Who receives the response, and hands it on as this gateway's client wants it. */
  receiving(receiver: Receiver): Receiver
}

/**
 * Makes a request into that of a target that speaks another format.
 *
 * @throws {GatewayError} whatever the transform has thrown.
 * @throws {TypeError} when the function of the user gives no transformer.
 */
export async function translate(
  exchange: Exchange,
  transform: Transform,
  { rewrite, bufferLimit }: Pick<Settings, 'rewrite' | 'bufferLimit'>,
): Promise<Translated> {
  const transformer = transformerFor(transform, exchange)
  if (transformer === undefined) return { edits: undefined, receiving: (receiver) => receiver }
  const translation = new Translation(exchange, transformer, bufferLimit)
  return {
    edits: await translation.request(pathOf(exchange, rewrite)),
    receiving: (receiver) => translation.receiver(receiver),
  }
}
