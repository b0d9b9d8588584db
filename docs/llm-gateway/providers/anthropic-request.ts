import type { Prompt } from './model.js'
import {
  check,
  isObject,
  type Json,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
} from './strict.js'

const MEMBERS = [
  'model', 'messages', 'max_tokens', 'system', 'stream', 'temperature', 'top_p', 'top_k',
  'stop_sequences', 'tools', 'tool_choice', 'metadata', 'output_config', 'service_tier', 'thinking',
  'container', 'cache_control',
] // prettier-ignore
const NAME = /^[a-zA-Z0-9_-]{1,128}$/

/** Reads a request, and refuses what the Messages API would refuse. */
export function readPrompt(body: Json): Prompt {
  object(body, 'request', MEMBERS)
  text(body['model'], 'model')
  number(body['max_tokens'], 'max_tokens', [1, 1e6])
  optional(body['temperature'], (value) => number(value, 'temperature', [0, 1]))
  optional(body['stream'], (value) =>
    check(typeof value === 'boolean', 'stream: must be a boolean'),
  )
  optional(body['system'], (value) =>
    check(typeof value === 'string' || list(value, 'system').length > 0, 'system'),
  )
  optional(body['stop_sequences'], (value) => {
    for (const stop of list(value, 'stop_sequences'))
      check(
        text(stop, 'stop_sequences').trim() !== '',
        'stop_sequences: each must have non-whitespace',
      )
  })
  optional(body['metadata'], (value) => object(value, 'metadata', ['user_id']))
  optional(body['service_tier'], (value) => oneOf(value, 'service_tier', ['auto', 'standard_only']))
  const tools = optional(body['tools'], (value) => list(value, 'tools').map(toolName)) ?? []
  const choice = readChoice(body['tool_choice'], tools)
  return {
    ...readMessages(list(body['messages'], 'messages')),
    ...choice,
    wantsJson: readOutput(body['output_config']),
    maxTokens: Number(body['max_tokens']),
  }
}

function toolName(tool: unknown): string {
  const { name, input_schema: schema } = object(tool, 'tools', [
    'name',
    'description',
    'input_schema',
    'strict',
  ])
  check(NAME.test(String(name)), 'tools.name: must match the pattern')
  check(isObject(schema) && schema['type'] === 'object', 'tools.input_schema.type: must be object')
  return String(name)
}

function readChoice(
  choice: unknown,
  tools: readonly string[],
): Pick<Prompt, 'tools' | 'choice' | 'isSerial'> {
  if (choice === undefined) return { tools, choice: 'auto', isSerial: false }
  check(tools.length > 0, 'tool_choice: may only be specified while providing tools')
  const {
    type,
    name,
    disable_parallel_tool_use: serial,
  } = object(choice, 'tool_choice', ['type', 'name', 'disable_parallel_tool_use'])
  oneOf(type, 'tool_choice.type', ['auto', 'any', 'tool', 'none'])
  check(
    type !== 'none' || serial === undefined,
    'tool_choice.disable_parallel_tool_use: not permitted',
  )
  check(type !== 'tool' || tools.includes(String(name)), 'tool_choice.name: no such tool')
  const kind = type === 'none' ? 'none' : type === 'auto' ? 'auto' : 'required'
  return {
    tools: type === 'tool' ? [String(name)] : tools,
    choice: kind,
    isSerial: serial === true,
  }
}

function readOutput(config: unknown): boolean {
  if (config === undefined) return false
  const { format, effort } = object(config, 'output_config', ['format', 'effort'])
  optional(effort, (value) =>
    oneOf(value, 'output_config.effort', ['low', 'medium', 'high', 'xhigh', 'max']),
  )
  if (format === undefined) return false
  const { type, schema } = object(format, 'output_config.format', ['type', 'schema'])
  check(type === 'json_schema' && isObject(schema), 'output_config.format: must have a schema')
  return true
}

/** The order that the API insists on: users first, in turns, results right after the calls. */
function readMessages(
  messages: readonly unknown[],
): Pick<Prompt, 'text' | 'results' | 'attachments'> {
  let called: readonly string[] = []
  let last = 'assistant'
  let prompt = { text: '', results: [] as string[], attachments: 0 }
  for (const each of messages) {
    const { role, content } = object(each, 'messages', ['role', 'content'])
    oneOf(role, 'messages.role', ['user', 'assistant'])
    check(role !== last, 'messages: roles must alternate, and the first must be user')
    last = String(role)
    const blocks =
      typeof content === 'string'
        ? [{ type: 'text', text: content }]
        : list(content, 'messages.content')
    const read = blocks.map((block) => readBlock(block, String(role)))
    const results = read.filter(({ type }) => type === 'tool_result')
    check(
      sameIds(
        results.map(({ id }) => id),
        called,
      ),
      'messages: tool_use ids were found without tool_result blocks immediately after',
    )
    check(
      read.slice(0, results.length).every(({ type }) => type === 'tool_result'),
      'messages: tool_result blocks must come first',
    )
    called = read.filter(({ type }) => type === 'tool_use').map(({ id }) => id)
    if (role === 'assistant') continue
    const texts = read.filter(({ type }) => type === 'text').map((block) => block.text)
    if (texts.length > 0) prompt = { ...prompt, text: texts.at(-1) ?? '', results: [] }
    prompt.results.push(...results.map((block) => block.text))
    prompt.attachments += read.filter(({ type }) => type === 'image' || type === 'document').length
  }
  return prompt
}

const sameIds = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((id) => others.includes(id))

interface ReadBlock {
  readonly type: string
  readonly text: string
  readonly id: string
}

const BLOCKS: Readonly<Record<string, readonly [role: string, members: readonly string[]]>> = {
  text: ['', ['type', 'text']],
  image: ['user', ['type', 'source']],
  document: ['user', ['type', 'source', 'title']],
  tool_use: ['assistant', ['type', 'id', 'name', 'input']],
  tool_result: ['user', ['type', 'tool_use_id', 'content', 'is_error']],
}

function readBlock(block: unknown, role: string): ReadBlock {
  check(isObject(block), 'messages.content: must be objects')
  const type = String(block['type'])
  const [only, members] = BLOCKS[type] ?? []
  check(
    members !== undefined && (only === '' || only === role),
    `messages.content: ${type} cannot be here`,
  )
  object(block, `messages.content.${type}`, members)
  const id = String(block['id'] ?? block['tool_use_id'] ?? '')
  if (type.startsWith('tool_'))
    check(NAME.test(id), 'messages.content: the id must match the pattern')
  if (type === 'text') text(block['text'], 'messages.content.text')
  if (type === 'tool_use')
    check(isObject(block['input']), 'messages.content.input: must be an object')
  if (block['source'] !== undefined) readSource(block['source'], type)
  return { type, id, text: String(block['text'] ?? block['content'] ?? '') }
}

function readSource(source: unknown, type: string): void {
  const {
    type: kind,
    media_type: media,
    data,
    url,
  } = object(source, 'source', ['type', 'media_type', 'data', 'url'])
  oneOf(kind, 'source.type', ['base64', 'url'])
  if (kind === 'url') return check(String(url).startsWith('https://'), 'source.url: must be https')
  // Looks for a wrong character: to match all of megabytes can overflow the stack of the engine.
  check(data !== '' && !/[^A-Za-z0-9+/=]/.test(String(data)), 'source.data: must be base64')
  oneOf(
    media,
    'source.media_type',
    type === 'document'
      ? ['application/pdf']
      : ['image/jpeg', 'image/png', 'image/gif', 'image/webp'],
  )
}
