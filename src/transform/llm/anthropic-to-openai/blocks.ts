import { argumentsText } from '../arguments.js'
import type { Ignored } from '../ignored.js'
import type { ToolCall, UserPart } from '../openai.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, refused, type Rule, type Rules } from '../rules.js'

/** What a user's blocks become: answers of tools, and the rest. */
interface UserDraft {
  readonly results: { readonly id: string; readonly text: string }[]
  readonly parts: UserPart[]
  readonly ignored: Ignored
}

/** What the model's blocks become. */
interface AssistantDraft {
  readonly texts: string[]
  readonly calls: ToolCall[]
  readonly ignored: Ignored
}

const TEXT_MEMBERS: Rules<unknown> = { type: readElsewhere, text: readElsewhere }

const leftOut: Rule<{ readonly ignored: Ignored }> = (block, { ignored }) =>
  ignored.note(`messages.content.${block.get('type').text()}`)

/** How a block of a user is read, by its type. */
const USER_BLOCKS: Rules<UserDraft> = {
  text: (block, { parts, ignored }) => {
    const text = readText(block, ignored)
    if (text !== '') parts.push({ type: 'text', text })
  },
  image: (block, { parts, ignored }) => {
    applyRules(block, SOURCE_MEMBERS, undefined, ignored)
    parts.push({ type: 'image_url', image_url: { url: imageUrl(block.get('source')) } })
  },
  document: (block, { parts, ignored }) => {
    applyRules(block, DOCUMENT_MEMBERS, undefined, ignored)
    parts.push(documentPart(block))
  },
  tool_result: (block, { results, ignored }) => {
    applyRules(block, RESULT_MEMBERS, undefined, ignored)
    results.push({ id: block.get('tool_use_id').word(), text: resultText(block, ignored) })
  },
}

/** How a block of the model is read, by its type. */
const ASSISTANT_BLOCKS: Rules<AssistantDraft> = {
  text: (block, { texts, ignored }) => {
    const text = readText(block, ignored)
    if (text !== '') texts.push(text)
  },
  tool_use: (block, { calls, ignored }) => {
    applyRules(block, CALL_MEMBERS, undefined, ignored)
    const args = argumentsText(block.get('input'))
    calls.push({
      id: block.get('id').word(),
      type: 'function',
      function: { name: block.get('name').word(), arguments: args },
    })
  },
  // Only the model that has written them can read them.
  thinking: leftOut,
  redacted_thinking: leftOut,
}

/** Reads the blocks of a user's message. */
export function readUserBlocks(content: Part, ignored: Ignored): UserDraft {
  return readBlocks(content, USER_BLOCKS, { results: [], parts: [], ignored })
}

/** Reads the blocks of a message of the model. */
export function readAssistantBlocks(content: Part, ignored: Ignored): AssistantDraft {
  return readBlocks(content, ASSISTANT_BLOCKS, { texts: [], calls: [], ignored })
}

function readBlocks<To>(content: Part, readers: Rules<To>, to: To): To {
  for (const block of content.items()) {
    const type = block.get('type')
    const read = Object.hasOwn(readers, type.text()) ? readers[type.text()] : undefined
    if (read === undefined) type.unsupported('blocks of this type are not translated')
    read?.(block, to)
  }
  return to
}

/** A text, or blocks of nothing but text. */
export function readTextBlocks(content: Part, ignored: Ignored): string[] {
  if (content.isText) return [content.text()]
  return content.items().map((block) => {
    const type = block.get('type')
    return type.text() === 'text'
      ? readText(block, ignored)
      : type.unsupported('only text can be here')
  })
}

function readText(block: Part, ignored: Ignored): string {
  applyRules(block, TEXT_MEMBERS, undefined, ignored)
  return block.get('text').text()
}

const SOURCE_MEMBERS: Rules<unknown> = { type: readElsewhere, source: readElsewhere }

function imageUrl(source: Part): string {
  const type = source.get('type')
  if (type.text() === 'url') return source.get('url').text()
  return type.text() === 'base64'
    ? dataUrl(source)
    : type.unsupported('only images in base64 or by URL are translated')
}

const DOCUMENT_MEMBERS: Rules<unknown> = { ...SOURCE_MEMBERS, title: readElsewhere }

function documentPart(block: Part): UserPart {
  const source = block.get('source')
  const type = source.get('type')
  if (type.text() === 'text') return { type: 'text', text: source.get('data').text() }
  if (type.text() !== 'base64') type.unsupported('only documents in base64 or text are translated')
  const filename = block.get('title').textIfAny() ?? 'document.pdf'
  return { type: 'file', file: { filename, file_data: dataUrl(source) } }
}

const dataUrl = (source: Part): string =>
  `data:${source.get('media_type').word()};base64,${source.get('data').text()}`

const RESULT_MEMBERS: Rules<unknown> = {
  type: readElsewhere,
  tool_use_id: readElsewhere,
  content: readElsewhere,
  is_error: readElsewhere,
}

function resultText(block: Part, ignored: Ignored): string {
  const content = block.get('content')
  const text = content.isAbsent ? '' : readTextBlocks(content, ignored).join('\n')
  const failed = block.get('is_error')
  return !failed.isAbsent && failed.flag() ? `Error: ${text}` : text
}

const CALL_MEMBERS: Rules<unknown> = {
  type: readElsewhere,
  id: readElsewhere,
  name: readElsewhere,
  input: readElsewhere,
  caller: (caller) =>
    refused('only calls of the model itself are translated', 'direct')(
      caller.get('type'),
      undefined,
    ),
}
