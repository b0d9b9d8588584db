import type { StreamEvent } from '../../../content/event-stream.js'
import type { EventsTransform } from '../../types.js'
import type { MessageEvent } from '../anthropic.js'
import type { Call } from '../call.js'
import { anthropicErrorEvent } from '../errors.js'
import type { Fields } from '../fields.js'
import { readData, refuseEarlyEnd } from '../events.js'
import { DONE } from '../openai.js'
import type { Part } from '../part.js'
import { stopReason } from '../stop-reasons.js'
import { messageUsage, readCompletionUsage } from '../usage.js'
import { BlocksInOrder } from './blocks-in-order.js'
import { textIn } from './response.js'
import { ToolIndex } from './tool-index.js'

/** Makes the events of a message from the chunks of a completion, one by one. */
export class MessageEvents implements EventsTransform {
  readonly headers: Fields
  readonly #call: Call
  readonly #blocks = new BlocksInOrder()
  readonly #tools = new ToolIndex()
  #isStarted = false
  #isOver = false
  #refuses = false
  #reason: string | undefined

  constructor(call: Call, headers: Fields) {
    this.headers = headers
    this.#call = call
  }

  push(event: StreamEvent): StreamEvent[] {
    if (this.#isOver) return []
    if (event.data === DONE) return this.end()
    const from = readData(event)
    if (event.event === 'error' || !from.get('error').isAbsent) return this.#error(from)
    const usage = from.get('usage')
    if (!usage.isAbsent) this.#call.usage = readCompletionUsage(usage)
    const [choice] = from.get('choices').items()
    // The first chunk of Azure and the last one of all others have no choice.
    if (choice === undefined) return []
    return [...this.#start(from), ...this.#read(choice)].map(written)
  }

  /** The end is held until here, for the usage may come after the reason. */
  end(): StreamEvent[] {
    if (this.#isOver) return []
    refuseEarlyEnd(this.#reason !== undefined)
    this.#isOver = true
    const stop_reason = stopReason(this.#reason, {
      refuses: this.#refuses,
      callsTools: this.#tools.size > 0,
    })
    const events: MessageEvent[] = [
      ...this.#blocks.end(),
      {
        type: 'message_delta',
        delta: { stop_reason, stop_sequence: null },
        usage: messageUsage(this.#call.usage),
      },
      { type: 'message_stop' },
    ]
    return events.map(written)
  }

  #start(from: Part): MessageEvent[] {
    if (this.#isStarted) return []
    this.#isStarted = true
    const message = {
      id: from.get('id').text(),
      type: 'message',
      role: 'assistant',
      model: this.#call.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: messageUsage(),
    } as const
    return [{ type: 'message_start', message: { ...message, content: [] } }]
  }

  #read(choice: Part): MessageEvent[] {
    this.#reason = choice.get('finish_reason').textIfAny() ?? this.#reason
    const delta = choice.get('delta')
    if (delta.isAbsent) return []
    const refusal = delta.get('refusal').textIfAny() ?? ''
    if (refusal !== '') this.#refuses = true
    return [
      ...this.#text(textIn(delta.get('content'))),
      ...this.#text(refusal),
      ...this.#calls(delta.get('tool_calls')),
    ]
  }

  #text(text: string): MessageEvent[] {
    return text === '' ? [] : this.#blocks.add('text', { type: 'text', text: '' }, text)
  }

  #calls(calls: Part): MessageEvent[] {
    if (calls.isAbsent) return []
    return calls.items().flatMap((call) => {
      const { key, begin } = this.#tools.find(call)
      const args = call.get('function').isAbsent ? undefined : call.get('function').get('arguments')
      return this.#blocks.add(key, begin, args?.textIfAny() ?? '')
    })
  }

  #error(from: Part): StreamEvent[] {
    this.#isOver = true
    return [anthropicErrorEvent(from)]
  }
}

const written = (event: MessageEvent): StreamEvent => ({
  event: event.type,
  data: JSON.stringify(event),
})
