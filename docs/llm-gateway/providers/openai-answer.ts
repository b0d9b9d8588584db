import type { Reply } from './model.js'
import { pause } from './server.js'
import type { Json } from './strict.js'

const FINISH = {
  end: 'stop',
  length: 'length',
  tools: 'tool_calls',
  refusal: 'content_filter',
} as const
const usageOf = ({ pieces }: Reply): Json => ({
  prompt_tokens: 14,
  completion_tokens: pieces.length,
  total_tokens: 14 + pieces.length,
  prompt_tokens_details: { cached_tokens: 4 },
})

const callsOf = ({ calls }: Reply) =>
  calls.map(({ name, input }, at) => ({
    id: `call_${at}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }))

/** A whole answer. */
export function completionOf(reply: Reply, model: string): Json {
  const calls = callsOf(reply)
  const message = {
    role: 'assistant',
    content: reply.pieces.join(''),
    refusal: null,
    ...(reply.thinking !== undefined && { reasoning_content: reply.thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return {
    ...head(model, 'chat.completion'),
    choices: [{ index: 0, message, logprobs: null, finish_reason: FINISH[reply.end] }],
    usage: usageOf(reply),
  }
}

const head = (model: string, kind: string): Json => ({
  id: 'chatcmpl-fake',
  object: kind,
  created: 1_767_225_600,
  model: `${model}-2026-01-01`,
})

const frame = (data: Json): string => `data: ${JSON.stringify(data)}\n\n`

/** The events of a stream. */
export async function* framesOf(
  reply: Reply,
  model: string,
  wantsUsage: boolean,
): AsyncGenerator<string> {
  const chunk = (delta: Json, finish_reason: string | null = null): string =>
    frame({
      ...head(model, 'chat.completion.chunk'),
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      ...(wantsUsage && { usage: null }),
    })
  yield chunk({ role: 'assistant', content: '', refusal: null })
  if (reply.thinking !== undefined) yield chunk({ reasoning_content: reply.thinking })
  for (const [at, content] of reply.pieces.entries()) {
    await pause(reply.pause)
    yield chunk({ content })
    if (at > 0) continue
    if (reply.fault === 'dies') throw new Error('the provider dies')
    if (reply.fault === 'silent') await pause(60_000)
    if (reply.fault === 'ends early') return
    if (reply.fault === 'error')
      return yield frame({
        error: { message: 'Overloaded', type: 'server_error', param: null, code: null },
      })
  }
  for (const { delta } of mixedCalls(reply)) yield chunk(delta)
  yield chunk({}, FINISH[reply.end])
  if (wantsUsage)
    yield frame({ ...head(model, 'chat.completion.chunk'), choices: [], usage: usageOf(reply) })
  yield 'data: [DONE]\n\n'
}

/** The deltas of parallel calls, mixed with each other: clients must sort them by their index. */
function mixedCalls(reply: Reply): { delta: Json }[] {
  const calls = callsOf(reply)
  const begins = calls.map(({ function: { name }, ...call }, index) => ({
    index,
    ...call,
    function: { name, arguments: '' },
  }))
  const args = calls.map(({ function: called }) => called.arguments)
  const firsts = args.map((json, index) => ({ index, function: { arguments: json.slice(0, 5) } }))
  const rests = args.map((json, index) => ({ index, function: { arguments: json.slice(5) } }))
  return [...begins, ...firsts, ...rests].map((call) => ({ delta: { tool_calls: [call] } }))
}
