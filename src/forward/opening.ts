import { FirstEvent } from './first-event.js'
import type { ResponseHead } from './forward-call.js'
import { isEventStream, valueOf } from './response-fields.js'

/** A response whose head is kept back until something of its body is there. */
export class Opening {
  readonly head: ResponseHead
  readonly chunks: Buffer[] = []
  readonly #event: FirstEvent | undefined

  constructor(head: ResponseHead, event: FirstEvent | undefined) {
    this.head = head
    this.#event = event
  }

  /** What it begins with; undefined where that is still to come. */
  push(chunk: Buffer): 'content' | 'error' | undefined {
    this.chunks.push(chunk)
    return this.#event ? this.#event.push(chunk) : 'content'
  }
}

/**
 * Keeps the head of a response back where that is worth something: of a stream of events, whose first
 * one may be an error, and where a length announces bytes. Without them it is of no use, and where they
 * never come there can still be an answer. All others begin with their head.
 *
 * @param hasOther - whether there would be another attempt.
 */
export function openingOf(head: ResponseHead, hasOther: boolean): Opening | undefined {
  const { status, fields } = head
  if (hasOther && status < 300 && isEventStream(fields)) return new Opening(head, new FirstEvent())
  return Number(valueOf(fields, 'content-length')) > 0 ? new Opening(head, undefined) : undefined
}
