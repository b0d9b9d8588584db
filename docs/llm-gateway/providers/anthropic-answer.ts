import type { Reply } from './model.js'
import { pause } from './server.js'
import type { Json } from './strict.js'

const STOPS = {
  end: 'end_turn',
  length: 'max_tokens',
  tools: 'tool_use',
  refusal: 'refusal',
} as const
const usage = (output: number): Json => ({
  input_tokens: 10,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 4,
  output_tokens: output,
})

function blocksOf({ thinking, pieces, calls }: Reply): readonly Json[] {
  return [
    ...(thinking === undefined ? [] : [{ type: 'thinking', thinking, signature: 'c2ln' }]),
    ...(pieces.length > 0 ? [{ type: 'text', text: pieces.join('') }] : []),
    ...calls.map(({ name, input }, at) => ({ type: 'tool_use', id: `toolu_${at}`, name, input })),
  ]
}

/** A whole answer. */
export function messageOf(reply: Reply, model: string): Json {
  return {
    id: 'msg_fake',
    type: 'message',
    role: 'assistant',
    model: `${model}-20260101`,
    content: blocksOf(reply),
    stop_reason: STOPS[reply.end],
    stop_sequence: null,
    usage: usage(reply.pieces.length),
  }
}

const frame = (data: Json): string =>
  `event: ${String(data['type'])}\ndata: ${JSON.stringify(data)}\n\n`

/** The events of a stream. */
export async function* framesOf(reply: Reply, model: string): AsyncGenerator<string> {
  const head = {
    ...messageOf({ ...reply, pieces: [], calls: [] }, model),
    content: [],
    stop_reason: null,
  }
  yield frame({ type: 'message_start', message: head })
  yield frame({ type: 'ping' })
  for (const [index, block] of blocksOf(reply).entries()) {
    const [begin, deltas] = inPieces(block, reply)
    yield frame({ type: 'content_block_start', index, content_block: begin })
    for (const [at, delta] of deltas.entries()) {
      await pause(reply.pause)
      yield frame({ type: 'content_block_delta', index, delta })
      if (at > 0) continue
      if (reply.fault === 'dies') throw new Error('the provider dies')
      if (reply.fault === 'silent') await pause(60_000)
      if (reply.fault === 'ends early') return
      if (reply.fault === 'error')
        return yield frame({
          type: 'error',
          error: { type: 'overloaded_error', message: 'Overloaded' },
        })
    }
    yield frame({ type: 'content_block_stop', index })
  }
  const delta = { stop_reason: STOPS[reply.end], stop_sequence: null }
  yield frame({ type: 'message_delta', delta, usage: usage(reply.pieces.length) })
  yield frame({ type: 'message_stop' })
}

function inPieces(block: Json, { pieces }: Reply): readonly [Json, readonly Json[]] {
  if (block['type'] === 'text')
    return [
      { type: 'text', text: '' },
      pieces.map((piece) => ({ type: 'text_delta', text: piece })),
    ]
  if (block['type'] === 'thinking')
    return [
      { type: 'thinking', thinking: '', signature: '' },
      [
        { type: 'thinking_delta', thinking: block['thinking'] },
        { type: 'signature_delta', signature: block['signature'] },
      ],
    ]
  const json = JSON.stringify(block['input'])
  const parts = ['', json.slice(0, 5), json.slice(5)]
  return [
    { ...block, input: {} },
    parts.map((part) => ({ type: 'input_json_delta', partial_json: part })),
  ]
}
