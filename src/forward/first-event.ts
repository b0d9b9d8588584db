import { eventReader, type EventReader } from '../content/event-reader.js'
import type { StreamEvent } from '../content/event-stream.js'
import type { ResponseHead } from './forward-call.js'

/** Largest first event in bytes that is waited for: a larger one is content. */
const MOST = 64 * 1024

/** Whether an event tells of an error: by its name, or as OpenAI's do by a member of its data. */
function isErrorEvent({ event, data }: StreamEvent): boolean {
  if (event === 'error') return true
  if (!data.includes('"error"')) return false
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value !== 'object' || value === null) return false
    const { error, type } = value as Record<string, unknown>
    return type === 'error' || (typeof error === 'object' && error !== null)
  } catch {
    return false
  }
}

/** A stream of events that has not begun: its head is kept back. */
export interface Held {
  readonly head: ResponseHead
  readonly event: FirstEvent
}

/** Keeps back what has come of a stream of events until its first event is there. */
export class FirstEvent {
  readonly chunks: Buffer[] = []
  #size = 0
  #found: 'content' | 'error' | undefined
  readonly #reader: EventReader = eventReader((event) => {
    if (event.comment === undefined) this.#found ??= isErrorEvent(event) ? 'error' : 'content'
  }, MOST)

  /** What the stream has begun with; undefined where that is still to come. */
  push(chunk: Buffer, raw = chunk): 'content' | 'error' | undefined {
    if (chunk.length > 0) this.chunks.push(chunk)
    this.#size += raw.length
    if (!this.#reader.push(raw) || this.#size > MOST) this.#found ??= 'content'
    return this.#found
  }
}

/** Bytes at the end of a stream in which its last event is looked for. */
const TAIL = 16 * 1024

/** Finds whether a stream of events has ended with an error, which a gateway before it may have added. */
export class LastEvent {
  #before: Buffer | undefined
  #last: Buffer | undefined

  push(chunk: Buffer): void {
    // References to two chunks: nothing is copied.
    this.#before = this.#last
    this.#last = chunk
  }

  get isError(): boolean {
    const parts = [this.#before, this.#last].filter((part) => part !== undefined)
    const tail = Buffer.concat(parts).subarray(-TAIL)
    let last: StreamEvent | undefined
    eventReader((event) => {
      if (event.comment === undefined) last = event
    }, TAIL * 2).push(tail)
    return last !== undefined && isErrorEvent(last)
  }
}
