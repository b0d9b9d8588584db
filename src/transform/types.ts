import type { IncomingHttpHeaders } from 'node:http'
import type { StreamEvent } from '../content/event-stream.js'
import type { Exchange } from '../exchange/exchange.js'

/** A request, as a transform sees it: whole, with its body decoded from any content encoding. */
export interface RequestView {
  readonly method: string
  /** Path and query, as they would go to the upstream. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /**
   * The body read as JSON.
   *
   * @throws {GatewayError} `request_malformed` when it is none.
   */
  json(): unknown
}

/** The head of a response, as a transform sees it. */
export interface ResponseHead {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/** A response, as a transform sees it: whole, with its body decoded from any content encoding. */
export interface ResponseView extends ResponseHead {
  readonly bytes: Buffer
  /**
   * The body read as JSON.
   *
   * @throws {GatewayError} `upstream_response_invalid` when it is none.
   */
  json(): unknown
}

/** What a transform changes; what it leaves out stays. */
export interface Change {
  /** Of a request. */
  readonly method?: string
  /** Path and query, of a request. */
  readonly path?: string
  /** Of a response. */
  readonly status?: number
  /** Fields to set, or to remove with `null`. */
  readonly headers?: Readonly<Record<string, string | null>>
  /** Bytes and text are sent as they are; anything else is written as JSON. */
  readonly body?: unknown
  /** Media type of the new body; `application/json` where that is written as JSON and was none before. */
  readonly contentType?: string
}

/** Turns the events of one stream into others. */
export interface EventsTransform {
  /** Fields of the head to set, or to remove with `null`. */
  readonly headers?: Readonly<Record<string, string | null>>
  /** Gives the events that take the place of this one, in order; none where it is left out. Comments pass by themselves. */
  push(event: StreamEvent): Iterable<StreamEvent>
  /** The stream of the upstream has ended; gives the events that are still to be sent. */
  end(): Iterable<StreamEvent>
}

type Later<T> = T | Promise<T>

/** One kind of request or response made into another. */
export interface Transformer {
  request?(request: RequestView): Later<Change | undefined | void>
  response?(response: ResponseView): Later<Change | undefined | void>
  /** Of a stream of server-sent events; `undefined` lets it pass unchanged. */
  events?(head: ResponseHead): EventsTransform | undefined
}

/** A transformer, or a function that gives one for each request, which may keep what it knows of it. */
export type Transform = Transformer | ((exchange: Exchange) => Transformer | undefined)
