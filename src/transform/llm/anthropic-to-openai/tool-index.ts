import type { ToolUseBlock } from '../anthropic.js'
import type { Part } from '../part.js'

/** A call of a tool in a stream. */
interface KnownCall {
  readonly key: string
  readonly begin: ToolUseBlock
}

/**
 * Finds the call that a delta belongs to.
 *
 * A delta has the index of its call; the first one has its id and name, too. Some servers give each
 * call the index 0, or none, and some give no id.
 */
export class ToolIndex {
  readonly #calls = new Map<number, KnownCall>()
  #last: number | undefined
  #count = 0

  /** How many calls there are. */
  get size(): number {
    return this.#count
  }

  find(delta: Part): KnownCall {
    const index = delta.get('index').isAbsent ? this.#last : delta.get('index').number()
    const id = delta.get('id').textIfAny() ?? ''
    const known = index === undefined ? undefined : this.#calls.get(index)
    if (known && (id === '' || id === known.begin.id)) return known
    return this.#remember(index ?? 0, id, delta.get('function').get('name').word())
  }

  #remember(index: number, id: string, name: string): KnownCall {
    const number = this.#count++
    const call: KnownCall = {
      key: `tool ${number}`,
      begin: { type: 'tool_use', id: id === '' ? `call_${number}` : id, name, input: {} },
    }
    this.#calls.set(index, call)
    this.#last = index
    return call
  }
}
