import type { StreamEvent } from '../../content/event-stream.js'
import { withoutStack } from '../../errors/gateway-error.js'
import { Part } from './part.js'

/** A comment without text, which keeps the connection alive. */
export const KEEP_ALIVE: StreamEvent = { data: '', comment: '' }

/** The data of an event, which both APIs write as JSON. */
export function readData({ data }: StreamEvent): Part {
  try {
    return Part.ofResponse(JSON.parse(data))
  } catch (cause) {
    throw withoutStack('upstream_response_invalid', { cause })
  }
}

/** The stream has ended before its answer was complete. */
export function refuseEarlyEnd(isComplete: boolean): void {
  if (!isComplete) throw withoutStack('upstream_response_incomplete')
}
