import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { sendJson } from './server.js'

/** A request for a chat completion, with its body read. */
export interface ChatCall {
  readonly res: ServerResponse
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

interface Asked {
  readonly model: string
  readonly messages: readonly unknown[]
  readonly stream?: unknown
}

const EVERY_MS = 50
const REPLY =
  'A gateway fails well when the client learns at once what broke, whose fault it was, ' +
  'and whether it is worth asking again.'
// Three words at a time.
const PIECES = REPLY.match(/(?:\S+\s*){1,3}/g) ?? []

let last = 0

/** Answers like the chat completions of OpenAI, in one piece or, with `stream: true`, word by word. */
export async function chat({ res, json }: ChatCall): Promise<void> {
  if (!isAsked(json)) return refuse(res)
  const id = `chatcmpl-${(last += 1)}`
  const common = { id, created: Math.floor(Date.now() / 1000), model: json.model }
  if (json.stream === true) return stream(res, { ...common, object: 'chat.completion.chunk' })
  const message = { role: 'assistant', content: REPLY }
  sendJson(res, 200, {
    ...common,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: usage(json.messages),
  })
}

async function stream(res: ServerResponse, common: object): Promise<void> {
  const left = new AbortController()
  res.once('close', () => left.abort())
  const write = (delta: object, finish_reason: string | null = null) =>
    res.write(frame({ ...common, choices: [{ index: 0, delta, finish_reason }] }))
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  write({ role: 'assistant', content: '' })
  for (const content of PIECES) {
    await delay(EVERY_MS, undefined, { signal: left.signal })
    write({ content })
  }
  write({}, 'stop')
  res.end('data: [DONE]\n\n')
}

function frame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

// A word counts as a token: close enough for a sample.
function usage(messages: readonly unknown[]) {
  const prompt_tokens = JSON.stringify(messages).split(/\s/).length
  const completion_tokens = REPLY.split(' ').length
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

function isAsked(value: unknown): value is Asked {
  if (typeof value !== 'object' || value === null) return false
  return (
    'model' in value &&
    typeof value.model === 'string' &&
    'messages' in value &&
    Array.isArray(value.messages)
  )
}

function refuse(res: ServerResponse): void {
  const message = 'A chat completion needs a model and messages.'
  sendJson(res, 400, { error: { message, type: 'invalid_request_error', param: null, code: null } })
}
