import type { ChatMessage } from '../openai.js'
import type { Ignored } from '../ignored.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, type Rules } from '../rules.js'
import { readAssistantBlocks, readTextBlocks, readUserBlocks } from './blocks.js'

const MEMBERS: Rules<unknown> = { role: readElsewhere, content: readElsewhere }

/** Instructions: `system` at the beginning, and those between the messages. */
export function readInstructions(system: Part, ignored: Ignored): ChatMessage[] {
  if (system.isAbsent) return []
  const content = readTextBlocks(system, ignored).join('\n')
  return content === '' ? [] : [{ role: 'system', content }]
}

/** The conversation, with the results of tools as messages of their own. */
export function readMessages(messages: Part, ignored: Ignored): ChatMessage[] {
  const list = messages.items().flatMap((message) => {
    applyRules(message, MEMBERS, undefined, ignored)
    const role = message.get('role')
    if (role.text() === 'user') return readUser(message.get('content'), ignored)
    if (role.text() === 'assistant') return readAssistant(message.get('content'), ignored)
    if (role.text() === 'system') return readInstructions(message.get('content'), ignored)
    return role.wrong('user, assistant or system')
  })
  return list.length === 0 ? messages.wrong('a list of messages with content') : list
}

function readUser(content: Part, ignored: Ignored): ChatMessage[] {
  if (content.isText) return [{ role: 'user', content: content.text() }]
  const { results, parts } = readUserBlocks(content, ignored)
  const tools: ChatMessage[] = results.map(({ id, text }) => ({
    role: 'tool',
    tool_call_id: id,
    content: text,
  }))
  return parts.length === 0 ? tools : [...tools, { role: 'user', content: parts }]
}

function readAssistant(content: Part, ignored: Ignored): ChatMessage[] {
  if (content.isText) return [{ role: 'assistant', content: content.text() }]
  const { texts, calls } = readAssistantBlocks(content, ignored)
  if (texts.length === 0 && calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: texts.length === 0 ? null : texts.join(''),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  ]
}
