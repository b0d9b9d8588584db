import { type EventReader, eventReader } from '../content/event-reader.js'
import { eventText, hasBreak, type StreamEvent } from '../content/event-stream.js'
import type { GatewayError } from '../errors/gateway-error.js'
import type { FieldEdit } from '../response/head.js'
import { fieldEdits } from './change.js'
import { upstreamError } from '../exchange/explain.js'
import { type Named, untranslated } from './response.js'
import type { EventsTransform } from './types.js'

/** What is known of a stream. */
export interface StreamRules extends Named {
  /** Most characters of an event that is not yet whole. */
  readonly limit: number
}

/** Sends each event of a stream through a transform, and comments past it. */
export class EventsChanger {
  /** Why it cannot go on; what was given before is good. */
  failure: GatewayError | undefined = undefined
  /** What changes in the head. */
  readonly fields: readonly FieldEdit[]
  readonly #transform: EventsTransform
  readonly #named: Named
  readonly #reader: EventReader
  #text = ''

  constructor(transform: EventsTransform, { limit, ...named }: StreamRules) {
    this.#transform = transform
    this.fields = [...UNTRUE, ...fieldEdits(transform.headers)]
    this.#named = named
    this.#reader = eventReader(
      (event) => this.#read(event),
      limit,
      (retry) => (this.#text += `retry: ${retry}\n`),
    )
  }

  /** The text of the events that take the place of those in these bytes. */
  push(bytes: Uint8Array): string {
    if (!this.failure && !this.#reader.push(bytes))
      this.failure ??= upstreamError(this.#named, 'upstream_response_too_large')
    return this.#taken()
  }

  /** The text of the events that follow the last one. */
  end(): string {
    if (!this.failure) this.#reader.end()
    this.#give()
    return this.#taken()
  }

  #read(event: StreamEvent): void {
    if (event.comment === undefined) this.#give(event)
    else if (!this.failure) this.#text += eventText(event)
  }

  /** Gives the transform an event, or the end of them. */
  #give(event?: StreamEvent): void {
    if (this.failure) return
    try {
      const events = event ? this.#transform.push(event) : this.#transform.end()
      for (const each of events ?? []) this.#text += textOf(each)
    } catch (error) {
      this.failure = untranslated(error, this.#named)
    }
  }

  #taken(): string {
    const text = this.#text
    this.#text = ''
    return text
  }
}

/** What is not true any more of a stream whose events are changed; never the field that says its chunks. */
const UNTRUE = [
  'content-length',
  'etag',
  'last-modified',
  'accept-ranges',
  'digest',
  'content-md5',
  'content-digest',
  'repr-digest',
].map((name) => [name, null] as const)

/** Whether a text would begin a field of its own. */
const isBroken = (text: string | undefined): boolean =>
  text !== undefined && (hasBreak(text) || text.includes('\0'))

function textOf(event: StreamEvent): string {
  const { data, event: type, id, comment } = event
  if (typeof data !== 'string' && comment === undefined)
    throw new TypeError('a transform returned an event without data')
  if (isBroken(type) || isBroken(id))
    throw new TypeError('a transform returned an event whose type or id has a line break')
  return eventText(event)
}
