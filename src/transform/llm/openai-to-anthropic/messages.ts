import type { Block, MessageRequest, ToolResultBlock, ToolUseBlock } from '../anthropic.js'
import { argumentsIn } from '../arguments.js'
import type { Ignored } from '../ignored.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, refused, type Rules } from '../rules.js'
import { readText, readUserContent } from './content.js'
import { requireFunction } from './tools.js'

type Role = 'user' | 'assistant'

/** The conversation so far. */
interface Draft {
  readonly system: string[]
  readonly turns: {
    readonly role: Role
    readonly results: ToolResultBlock[]
    readonly rest: Block[]
  }[]
  readonly ignored: Ignored
}

/** How a message is read, by its role. */
const ROLES: Rules<Draft> = {
  system: readInstruction,
  developer: readInstruction,
  user: (message, draft) => {
    readMembers(message, draft)
    say('user', readUserContent(message.get('content'), draft.ignored), draft)
  },
  assistant: (message, draft) => {
    readMembers(message, draft)
    const texts = [...readText(message.get('content')), message.get('refusal').textIfAny() ?? '']
    say('assistant', [...textBlocks(texts), ...readCalls(message, draft.ignored)], draft)
  },
  tool: (message, draft) => {
    readMembers(message, draft)
    const content = readText(message.get('content')).join('')
    turnOf('user', draft).results.push({
      type: 'tool_result',
      tool_use_id: toolId(message.get('tool_call_id')),
      ...(content !== '' && { content }),
    })
  },
}

const MEMBERS: Rules<unknown> = {
  role: readElsewhere,
  content: readElsewhere,
  refusal: readElsewhere,
  tool_calls: readElsewhere,
  tool_call_id: readElsewhere,
  function_call: refused('function_call is replaced by tool_calls'),
  audio: refused('the Messages API has no audio'),
}

/**
 * The conversation as the Messages API wants it: instructions apart, the results of tools at the
 * beginning of one message of the user, and no two messages of one role in a row.
 */
export function readConversation(
  messages: Part,
  ignored: Ignored,
): Pick<Required<MessageRequest>, 'messages'> & Pick<MessageRequest, 'system'> {
  const draft: Draft = { system: [], turns: [], ignored }
  for (const message of messages.items()) {
    const role = message.get('role')
    const read = Object.hasOwn(ROLES, role.text()) ? ROLES[role.text()] : undefined
    if (read === undefined) role.unsupported('messages of this role are not translated')
    read?.(message, draft)
  }
  const turns = draft.turns.map(({ role, results, rest }) => ({
    role,
    content: [...results, ...rest],
  }))
  if (turns.length === 0) messages.unsupported('the Messages API needs a message with content')
  if (draft.system.length === 0) return { messages: turns }
  return { system: draft.system.join('\n'), messages: turns }
}

/** An instruction in the middle moves to the others, so its place is left out. */
function readInstruction(message: Part, draft: Draft): void {
  readMembers(message, draft)
  if (draft.turns.length > 0) draft.ignored.note(`messages.${message.get('role').text()}`)
  draft.system.push(...readText(message.get('content')).filter((text) => text !== ''))
}

function readMembers(message: Part, { ignored }: Draft): void {
  applyRules(message, MEMBERS, undefined, ignored)
}

/** A message without content is none: those beside it are neighbours. */
function say(role: Role, blocks: readonly Block[], draft: Draft): void {
  if (blocks.length > 0) turnOf(role, draft).rest.push(...blocks)
}

/** The last message if it is of this role, else a new one. */
function turnOf(role: Role, { turns }: Draft): Draft['turns'][number] {
  const last = turns.at(-1)
  if (last?.role === role) return last
  const turn = { role, results: [], rest: [] }
  turns.push(turn)
  return turn
}

const textBlocks = (texts: readonly string[]): Block[] =>
  texts.filter((text) => text !== '').map((text) => ({ type: 'text', text }))

function readCalls(message: Part, ignored: Ignored): ToolUseBlock[] {
  const calls = message.get('tool_calls')
  if (calls.isAbsent) return []
  return calls.items().map((call) => {
    requireFunction(call.get('type'))
    applyRules(call, CALL_RULES, undefined, ignored)
    const from = call.get('function')
    const text = from.get('arguments')
    return {
      type: 'tool_use',
      id: toolId(call.get('id')),
      name: from.get('name').word(),
      input: argumentsIn(text) ?? text.unsupported('must be a JSON object, as text'),
    }
  })
}

const CALL_RULES: Rules<unknown> = {
  id: readElsewhere,
  type: readElsewhere,
  function: readElsewhere,
  // Some servers send it in the deltas of a stream, and clients repeat it.
  index: readElsewhere,
}

/** The Messages API takes letters, digits, `_` and `-` only; other servers have ids with more. */
const toolId = (id: Part): string => id.word().replace(/[^\w-]/g, '_')
