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
  'model', 'messages', 'max_tokens', 'max_completion_tokens', 'stream', 'stream_options', 'temperature',
  'top_p', 'stop', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'reasoning_effort',
  'service_tier', 'user', 'seed', 'n', 'store', 'metadata',
] // prettier-ignore

/** Reads a request, and refuses what Chat Completions would refuse. */
export function readPrompt(body: Json): Prompt {
  object(body, 'request', MEMBERS)
  text(body['model'], 'model')
  const most = body['max_completion_tokens'] ?? body['max_tokens']
  optional(most, (value) => number(value, 'max_completion_tokens', [1, 1e6]))
  optional(body['temperature'], (value) => number(value, 'temperature', [0, 2]))
  optional(body['stop'], (value) =>
    check(typeof value === 'string' || list(value, 'stop').length <= 4, 'stop: at most 4'),
  )
  optional(body['stream_options'], (value) => {
    check(body['stream'] === true, 'stream_options: only allowed when stream is enabled')
    object(value, 'stream_options', ['include_usage', 'include_obfuscation'])
  })
  optional(body['reasoning_effort'], (value) =>
    oneOf(value, 'reasoning_effort', ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']),
  )
  const tools = optional(body['tools'], (value) => list(value, 'tools').map(toolName)) ?? []
  return {
    ...readMessages(list(body['messages'], 'messages')),
    ...readChoice(body, tools),
    wantsJson: readFormat(body['response_format']),
    maxTokens: Number(most ?? 1e6),
  }
}

function toolName(tool: unknown): string {
  const { type, function: described } = object(tool, 'tools', ['type', 'function'])
  oneOf(type, 'tools.type', ['function'])
  const { name } = object(described, 'tools.function', [
    'name',
    'description',
    'parameters',
    'strict',
  ])
  check(/^[\w-]{1,64}$/.test(String(name)), 'tools.function.name: must match the pattern')
  return String(name)
}

function readChoice(
  body: Json,
  tools: readonly string[],
): Pick<Prompt, 'tools' | 'choice' | 'isSerial'> {
  const { tool_choice: choice, parallel_tool_calls: parallel } = body
  check(
    tools.length > 0 || (choice === undefined && parallel === undefined),
    'tool_choice is only allowed when tools are specified',
  )
  const isSerial = parallel === false
  if (isObject(choice)) {
    const { name } = object(
      object(choice, 'tool_choice', ['type', 'function'])['function'],
      'tool_choice.function',
      ['name'],
    )
    check(tools.includes(String(name)), 'tool_choice: no such tool')
    return { tools: [String(name)], choice: 'required', isSerial }
  }
  if (choice === 'required' || choice === 'none') return { tools, choice, isSerial }
  check(choice === undefined || choice === 'auto', 'tool_choice: must be auto, none or required')
  return { tools, choice: 'auto', isSerial }
}

function readFormat(format: unknown): boolean {
  if (format === undefined) return false
  const { type, json_schema: described } = object(format, 'response_format', [
    'type',
    'json_schema',
  ])
  oneOf(type, 'response_format.type', ['text', 'json_object', 'json_schema'])
  if (type !== 'json_schema') return type === 'json_object'
  const { name, schema } = object(described, 'response_format.json_schema', [
    'name',
    'schema',
    'strict',
    'description',
  ])
  check(
    /^[\w-]{1,64}$/.test(String(name)) && isObject(schema),
    'response_format.json_schema: must have a name and a schema',
  )
  return true
}

const MESSAGES: Readonly<Record<string, readonly string[]>> = {
  system: ['role', 'content', 'name'],
  developer: ['role', 'content', 'name'],
  user: ['role', 'content', 'name'],
  assistant: ['role', 'content', 'name', 'tool_calls', 'refusal', 'audio', 'annotations'],
  tool: ['role', 'content', 'tool_call_id'],
}

/** An answer of a tool must follow the call of it, and each call must have one. */
function readMessages(
  messages: readonly unknown[],
): Pick<Prompt, 'text' | 'results' | 'attachments'> {
  const open = new Set<string>()
  let prompt = { text: '', results: [] as string[], attachments: 0 }
  for (const each of messages) {
    check(isObject(each), 'messages: must be objects')
    const role = String(each['role'])
    object(each, `messages.${role}`, MESSAGES[role] ?? [])
    if (role === 'tool') {
      check(
        open.delete(String(each['tool_call_id'])),
        "messages: role 'tool' must be a response to a preceding message with 'tool_calls'",
      )
      prompt.results.push(contentOf(each['content']).text)
      continue
    }
    check(
      open.size === 0,
      "messages: an assistant message with 'tool_calls' must be followed by tool messages",
    )
    const { text: said, attachments } = contentOf(each['content'])
    if (role === 'user')
      prompt = { text: said, results: [], attachments: prompt.attachments + attachments }
    if (role !== 'assistant') continue
    for (const id of optional(each['tool_calls'], (calls) =>
      list(calls, 'tool_calls').map(callId),
    ) ?? [])
      open.add(id)
    check(
      said !== '' || open.size > 0 || typeof each['content'] === 'string',
      'messages.content: expected a string, got null',
    )
  }
  check(open.size === 0, "messages: 'tool_calls' without answers")
  return prompt
}

function callId(call: unknown): string {
  const { id, type, function: called } = object(call, 'tool_calls', ['id', 'type', 'function'])
  oneOf(type, 'tool_calls.type', ['function'])
  const { arguments: args } = object(called, 'tool_calls.function', ['name', 'arguments'])
  check(
    isObject(JSON.parse(text(args, 'tool_calls.function.arguments'))),
    'arguments: must be JSON',
  )
  return text(id, 'tool_calls.id')
}

function contentOf(content: unknown): { text: string; attachments: number } {
  if (typeof content === 'string' || content === null || content === undefined)
    return { text: content ?? '', attachments: 0 }
  let said = ''
  let attachments = 0
  for (const part of list(content, 'messages.content')) {
    const {
      type,
      text: piece,
      image_url: image,
      file,
    } = object(part, 'messages.content', ['type', 'text', 'image_url', 'file'])
    oneOf(type, 'messages.content.type', ['text', 'image_url', 'file'])
    if (type === 'text') said = text(piece, 'messages.content.text')
    else attachments += 1
    if (type === 'image_url')
      text(object(image, 'image_url', ['url', 'detail'])['url'], 'image_url.url')
    if (type === 'file') object(file, 'file', ['filename', 'file_data', 'file_id'])
  }
  return { text: said, attachments }
}
