import { isAscii } from 'node:buffer'
import { createParser, type EventSourceParser } from 'eventsource-parser'
import type { StreamEvent } from './event-stream.js'

/** Reads the events of a stream, however its bytes were split. */
export interface EventReader {
  /** False once an event is larger than the bound; nothing more is read then. */
  push(bytes: Uint8Array): boolean
  /** Nothing more comes: a carriage return at the end is a line end of its own. */
  end(): void
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
  let decoder: InstanceType<typeof TextDecoder> | undefined
  const textOf = (bytes: Uint8Array): string => {
    // Most streams are ASCII from end to end, and a decoder is a large object.
    if (!decoder && isAscii(bytes)) return asciiOf(bytes)
    decoder ??= new TextDecoder()
    return decoder.decode(bytes, { stream: true })
  }
  let isOver = false
  let last: number | undefined
  const parser: EventSourceParser = createParser({
    maxBufferSize: most,
    onEvent: ({ event, data, id }) => onEvent(eventOf(data, event, id)),
    onRetry,
    onComment: (comment) => onEvent({ data: '', comment }),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') isOver = true
    },
  })
  return {
    push(bytes) {
      if (!isOver) parser.feed(textOf(bytes))
      last = bytes[bytes.length - 1] ?? last
      return !isOver
    },
    end() {
      if (!isOver && last === CARRIAGE_RETURN) parser.feed('\n')
    },
  }
}

const CARRIAGE_RETURN = 0x0d

function asciiOf(bytes: Uint8Array): string {
  if (Buffer.isBuffer(bytes)) return bytes.toString('latin1')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** Members that are missing are left out. */
function eventOf(data: string, event: string | undefined, id: string | undefined): StreamEvent {
  if (id !== undefined) return event === undefined ? { data, id } : { event, data, id }
  return event === undefined ? { data } : { event, data }
}
