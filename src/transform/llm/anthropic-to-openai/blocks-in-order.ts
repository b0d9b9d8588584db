import { withoutStack } from '../../../errors/gateway-error.js'
import type { MessageEvent, TextBlock, ToolUseBlock } from '../anthropic.js'

/** A block of a message in the making. */
interface Block {
  readonly key: string
  readonly begin: TextBlock | ToolUseBlock
  /** What has come while an earlier block was open. */
  waiting: string
}

/** Most characters that wait for their turn. */
const MOST_WAITING = 8 * 1024 * 1024

/**
 * Gives the blocks of a message one after the other, as its stream must have them.
 *
 * The deltas of several tools may come mixed, and nobody knows which was the last of a tool before the
 * end. So the first block that is open streams, and what belongs to others waits. A text ends where
 * something else begins.
 */
export class BlocksInOrder {
  /** The first one is open. */
  readonly #blocks: Block[] = []
  #index = 0
  #waiting = 0

  /** Adds to a block, which begins with `begin` where it is new. */
  add(key: string, begin: TextBlock | ToolUseBlock, delta: string): MessageEvent[] {
    const known = this.#blocks.find((block) => block.key === key)
    const events = known ? [] : this.#begin({ key, begin, waiting: '' })
    const block = known ?? this.#blocks.at(-1)
    if (delta === '' || block === undefined) return events
    if (block === this.#blocks[0]) return [...events, this.#delta(block, delta)]
    this.#wait(block, delta)
    return events
  }

  /** Ends all blocks. */
  end(): MessageEvent[] {
    const events: MessageEvent[] = []
    while (this.#blocks.length > 0) events.push(...this.#close())
    return events
  }

  #begin(block: Block): MessageEvent[] {
    const events = this.#blocks[0]?.begin.type === 'text' ? this.#close() : []
    this.#blocks.push(block)
    return this.#blocks.length === 1 ? [...events, this.#start(block)] : events
  }

  /** Ends the open block, and opens the one that waits behind it. */
  #close(): MessageEvent[] {
    const events: MessageEvent[] = [{ type: 'content_block_stop', index: this.#index++ }]
    this.#blocks.shift()
    const [next] = this.#blocks
    if (next === undefined) return events
    events.push(this.#start(next))
    if (next.waiting !== '') events.push(this.#delta(next, next.waiting))
    this.#waiting -= next.waiting.length
    return events
  }

  #start({ begin }: Block): MessageEvent {
    return { type: 'content_block_start', index: this.#index, content_block: begin }
  }

  #delta({ begin }: Block, text: string): MessageEvent {
    const delta =
      begin.type === 'text'
        ? ({ type: 'text_delta', text } as const)
        : ({ type: 'input_json_delta', partial_json: text } as const)
    return { type: 'content_block_delta', index: this.#index, delta }
  }

  #wait(block: Block, delta: string): void {
    this.#waiting += delta.length
    if (this.#waiting > MOST_WAITING) throw withoutStack('upstream_response_too_large')
    block.waiting += delta
  }
}
