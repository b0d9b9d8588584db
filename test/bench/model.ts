// A stand-in of a language model that speaks as Anthropic's API does.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LLM_EVENTS } from './llm-calls.js'

const usage = { input_tokens: 1, output_tokens: 1 }
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text: 'The quick brown fox jumps over the lazy dog. '.repeat(20) }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
}
const answer = JSON.stringify(message)

const frame = (type: string, data: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
const token = frame('content_block_delta', {
  index: 0,
  delta: { type: 'text_delta', text: ' token' },
})
const events = [
  frame('message_start', { message: { ...message, content: [] } }),
  ...Array.from({ length: LLM_EVENTS }, () => token),
  frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage }),
  frame('message_stop', {}),
]

/** Answers whole, or event by event where the request asks for a stream. */
export function answerAsModel(req: IncomingMessage, res: ServerResponse): void {
  let isStream = false
  req.on('data', (chunk: Buffer) => {
    isStream ||= chunk.includes('"stream":true')
  })
  req.once('end', () => {
    res.setHeader('Content-Type', isStream ? 'text/event-stream' : 'application/json')
    if (isStream) writeNext(res, 0)
    else res.end(answer)
  })
}

/** One event a chunk, as a model sends them. */
function writeNext(res: ServerResponse, at: number): void {
  if (at === events.length) res.end()
  else res.write(events[at], () => setImmediate(writeNext, res, at + 1))
}
