import { createParser, type EventSourceParser } from 'eventsource-parser'
import type { StreamEvent } from './event-stream.js'

/** Reads the events of a stream, however its bytes were split. */
export interface EventReader {
  /** False once an event is larger than the bound; nothing more is read then. */
  push(bytes: Uint8Array): boolean
}

/**
 * Reads server-sent events and comments one by one.
 *
 * What stands behind the last blank line is no event (WHATWG HTML, 9.2.6).
 *
 * @param most - largest size of an event that is not yet whole, in characters.
 * @param onRetry - told of the milliseconds that a client is to wait before it connects again.
 */
export function eventReader(
  onEvent: (event: StreamEvent) => void,
  most: number,
  onRetry: (retry: number) => void = () => {},
): EventReader {
  const decoder = new TextDecoder()
  let isOver = false
  const parser: EventSourceParser = createParser({
    maxBufferSize: most,
    onEvent: ({ event, data, id }) =>
      onEvent({ ...(event !== undefined && { event }), data, ...(id !== undefined && { id }) }),
    onRetry,
    onComment: (comment) => onEvent({ data: '', comment }),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') isOver = true
    },
  })
  return {
    push(bytes) {
      if (!isOver) parser.feed(decoder.decode(bytes, { stream: true }))
      return !isOver
    },
  }
}
