import type { Message, TextBlock, ToolUseBlock } from '../anthropic.js'
import { argumentsIn } from '../arguments.js'
import type { Call } from '../call.js'
import type { Part } from '../part.js'
import { stopReason } from '../stop-reasons.js'
import { messageUsage, readCompletionUsage } from '../usage.js'

/** The message that says the same as a completion of OpenAI's. */
export function message(from: Part, call: Call): Message {
  const [choice] = from.get('choices').items()
  if (choice === undefined) return from.get('choices').wrong('a list with an answer')
  const said = choice.get('message')
  const refusal = textBlocks(said.get('refusal'))
  const calls = toolUses(said.get('tool_calls'))
  const usage = from.get('usage')
  call.usage = usage.isAbsent ? undefined : readCompletionUsage(usage)
  return {
    id: from.get('id').text(),
    type: 'message',
    role: 'assistant',
    model: call.model,
    content: [...textBlocks(said.get('content')), ...refusal, ...calls],
    stop_reason: stopReason(choice.get('finish_reason').textIfAny(), {
      refuses: refusal.length > 0,
      callsTools: calls.length > 0,
    }),
    stop_sequence: null,
    usage: messageUsage(call.usage),
  }
}

function textBlocks(content: Part): TextBlock[] {
  const text = textIn(content)
  return text === '' ? [] : [{ type: 'text', text }]
}

/** A text, or the parts of one, as some servers send it; reasoning among them is left out. */
export function textIn(content: Part): string {
  if (content.isAbsent) return ''
  const texts = content.isText
    ? [content]
    : content
        .items()
        .filter((part) => part.get('type').value === 'text')
        .map((part) => part.get('text'))
  return texts.map((part) => part.text()).join('')
}

function toolUses(calls: Part): ToolUseBlock[] {
  if (calls.isAbsent) return []
  return calls.items().map((call) => {
    const from = call.get('function')
    const text = from.get('arguments')
    return {
      type: 'tool_use',
      id: call.get('id').word(),
      name: from.get('name').word(),
      input: argumentsIn(text) ?? text.wrong('a JSON object, as text'),
    }
  })
}
