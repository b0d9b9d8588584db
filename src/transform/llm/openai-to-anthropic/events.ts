import type { StreamEvent } from '../../../content/event-stream.js'
import type { EventsTransform } from '../../types.js'
import type { Call } from '../call.js'
import { openaiErrorEvent } from '../errors.js'
import type { Fields } from '../fields.js'
import { KEEP_ALIVE, readData, refuseEarlyEnd } from '../events.js'
import { type Chunk, type Delta, DONE } from '../openai.js'
import type { Part } from '../part.js'
import { type FinishReason, finishReason } from '../stop-reasons.js'
import { completionUsage, readMessageUsage } from '../usage.js'

/** A block of the message that is a call of a tool. */
interface ToolBlock {
  /** Its number among the tools. */
  readonly index: number
  /** Arguments that came with its begin; `{}` where there are none. */
  readonly input: string
  hasDeltas: boolean
}

/** Makes the chunks of a completion from the events of a message, one by one. */
export class CompletionEvents implements EventsTransform {
  readonly headers: Fields
  readonly #call: Call
  readonly #showReasoning: boolean
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #tools = new Map<number, ToolBlock>()
  #toolCount = 0
  #id: string | undefined
  #isFinished = false
  #isOver = false

  constructor(call: Call, showReasoning: boolean, headers: Fields) {
    this.headers = headers
    this.#call = call
    this.#showReasoning = showReasoning
  }

  push(event: StreamEvent): StreamEvent[] {
    if (this.#isOver) return []
    const from = readData(event)
    const type = from.get('type').text()
    const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined
    if (this.#id === undefined && !BEFORE_START.includes(type))
      return from.get('type').wrong('message_start')
    // Anthropic's documentation asks clients to skip the events that they do not know.
    return read?.(this, from) ?? []
  }

  end(): StreamEvent[] {
    refuseEarlyEnd(this.#isOver)
    return []
  }

  start(from: Part): StreamEvent[] {
    if (this.#id !== undefined) return []
    const message = from.get('message')
    this.#id = message.get('id').text()
    this.#call.usage = readMessageUsage(message.get('usage'))
    return [this.#chunk({ role: 'assistant', content: '' })]
  }

  startBlock(from: Part): StreamEvent[] {
    const block = from.get('content_block')
    const type = block.get('type').text()
    if (type === 'text') return this.#text(block.get('text'))
    if (type !== 'tool_use') return []
    const index = this.#toolCount++
    const input = JSON.stringify(block.get('input').isAbsent ? {} : block.get('input').object())
    this.#tools.set(from.get('index').number(), { index, input, hasDeltas: false })
    const name = block.get('name').word()
    const begin = { index, id: block.get('id').word(), type: 'function' } as const
    return [this.#chunk({ tool_calls: [{ ...begin, function: { name, arguments: '' } }] })]
  }

  delta(from: Part): StreamEvent[] {
    const delta = from.get('delta')
    const type = delta.get('type').text()
    if (type === 'text_delta') return this.#text(delta.get('text'))
    if (type === 'thinking_delta') return this.#reasoning(delta.get('thinking'))
    if (type !== 'input_json_delta') return []
    const tool = this.#tools.get(from.get('index').number())
    if (tool === undefined) return from.get('index').wrong('the index of a block that has begun')
    const json = delta.get('partial_json').text()
    if (json === '') return []
    tool.hasDeltas = true
    return [this.#arguments(tool, json)]
  }

  stopBlock(from: Part): StreamEvent[] {
    const tool = this.#tools.get(from.get('index').number())
    return tool === undefined || tool.hasDeltas ? [] : [this.#arguments(tool, tool.input)]
  }

  messageDelta(from: Part): StreamEvent[] {
    this.#call.usage = readMessageUsage(from.get('usage'), this.#call.usage)
    const reason = from.get('delta').get('stop_reason').textIfAny()
    if (reason === undefined || this.#isFinished) return []
    this.#isFinished = true
    return [this.#chunk({}, finishReason(reason))]
  }

  stop(): StreamEvent[] {
    refuseEarlyEnd(this.#isFinished)
    this.#isOver = true
    const { usage, wantsUsage } = this.#call
    const last: StreamEvent = { data: DONE }
    if (!wantsUsage || usage === undefined) return [last]
    return [this.#write([], completionUsage(usage)), last]
  }

  /** The official clients read an error at once; an end in `[DONE]` would make it a success. */
  error(from: Part): StreamEvent[] {
    this.#isOver = true
    return [openaiErrorEvent(from)]
  }

  #text(text: Part): StreamEvent[] {
    return text.text() === '' ? [] : [this.#chunk({ content: text.text() })]
  }

  #reasoning(text: Part): StreamEvent[] {
    if (!this.#showReasoning || text.text() === '') return []
    return [this.#chunk({ reasoning_content: text.text() })]
  }

  #arguments({ index }: ToolBlock, json: string): StreamEvent {
    return this.#chunk({ tool_calls: [{ index, function: { arguments: json } }] })
  }

  #chunk(delta: Delta, finish_reason: FinishReason | null = null): StreamEvent {
    const choices: Chunk['choices'] = [{ index: 0, delta, logprobs: null, finish_reason }]
    return this.#write(choices, this.#call.wantsUsage ? null : undefined)
  }

  /** @param usage - not written where it is undefined. */
  #write(choices: Chunk['choices'], usage: Chunk['usage']): StreamEvent {
    const chunk = {
      id: this.#id ?? '',
      object: 'chat.completion.chunk',
      created: this.#created,
      model: this.#call.model,
      choices,
      usage,
    } satisfies Record<keyof Chunk, unknown>
    return { data: JSON.stringify(chunk) }
  }
}

const READERS: Readonly<Record<string, (events: CompletionEvents, from: Part) => StreamEvent[]>> = {
  message_start: (events, from) => events.start(from),
  content_block_start: (events, from) => events.startBlock(from),
  content_block_delta: (events, from) => events.delta(from),
  content_block_stop: (events, from) => events.stopBlock(from),
  message_delta: (events, from) => events.messageDelta(from),
  message_stop: (events) => events.stop(),
  ping: () => [KEEP_ALIVE],
  error: (events, from) => events.error(from),
}

const BEFORE_START = ['message_start', 'ping', 'error']
