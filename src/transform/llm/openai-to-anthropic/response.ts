import { argumentsText } from '../arguments.js'
import type { Call } from '../call.js'
import type { Completion, ToolCall } from '../openai.js'
import type { Part } from '../part.js'
import { finishReason } from '../stop-reasons.js'
import { completionUsage, readMessageUsage } from '../usage.js'

type Said = Completion['choices'][0]['message']
type Message = { -readonly [Name in keyof Said]: Said[Name] }

/** The completion that says the same as a message of Anthropic's. */
export function completion(from: Part, call: Call, showReasoning: boolean): Completion {
  if (from.get('type').value !== 'message') from.get('type').wrong('"message"')
  const blocks = from.get('content').items()
  call.usage = readMessageUsage(from.get('usage'))
  const texts = textsOf(blocks, 'text', 'text')
  const reasoning = showReasoning ? textsOf(blocks, 'thinking', 'thinking') : []
  const calls = blocks.filter((block) => block.get('type').value === 'tool_use').map(toolCall)
  const content = texts.length > 0 ? texts.join('') : null
  const message: Message = { role: 'assistant', content, refusal: null }
  if (reasoning.length > 0) message.reasoning_content = reasoning.join('')
  if (calls.length > 0) message.tool_calls = calls
  const finish_reason = finishReason(from.get('stop_reason').textIfAny())
  return {
    id: from.get('id').text(),
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: call.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason }],
    usage: completionUsage(call.usage),
  }
}

const textsOf = (blocks: readonly Part[], type: string, member: string): string[] =>
  blocks
    .filter((block) => block.get('type').value === type)
    .map((block) => block.get(member).text())

function toolCall(block: Part): ToolCall {
  return {
    id: block.get('id').word(),
    type: 'function',
    function: {
      name: block.get('name').word(),
      arguments: argumentsText(block.get('input')),
    },
  }
}
