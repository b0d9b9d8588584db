import type { IncomingMessage, Server } from 'node:http'
import { answer } from './model.js'
import { completionOf, framesOf } from './openai-answer.js'
import { readPrompt } from './openai-request.js'
import { type Answer, providerServer } from './server.js'
import { check, isObject, type Json, object, Refusal, text } from './strict.js'

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  429: 'rate_limit_error',
}
const MODELS = ['gpt-5', 'gpt-5-mini', 'text-embedding-3-small']

/** A provider of OpenAI's API that knows one key. */
export function openaiProvider(key: string): Server {
  return providerServer({
    name: 'openai',
    authorize(req) {
      if (req.headers.authorization !== `Bearer ${key}`)
        throw new Refusal(401, `Incorrect API key provided: sk-abc***${key.slice(-4)}.`)
      const foreign = Object.keys(req.headers).find((name) =>
        /^(?:x-api-key|cookie|anthropic-.*)$/.test(name),
      )
      check(foreign === undefined, `the field ${foreign} does not belong here`)
    },
    route,
    error: (status, message) => ({
      error: {
        message,
        type: TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error'),
        param: null,
        code:
          status === 400 && message.startsWith('prompt is too long')
            ? 'context_length_exceeded'
            : null,
      },
    }),
    headers: {
      'x-request-id': 'req_fake',
      'openai-organization': 'org-secret',
      'x-ratelimit-limit-requests': '50',
      'x-ratelimit-remaining-requests': '49',
    },
  })
}

function route(req: IncomingMessage, body: Json): Answer {
  const to = `${req.method} ${req.url}`
  if (to === 'GET /v1/models')
    return {
      json: {
        object: 'list',
        data: MODELS.map((id) => ({ id, object: 'model', created: 0, owned_by: 'fake' })),
      },
    }
  if (to === 'POST /v1/embeddings') return { json: embeddings(body) }
  if (to === 'POST /v1/responses') return responses(body)
  if (to !== 'POST /v1/chat/completions') throw new Refusal(404, `Invalid URL (${to})`)
  check(req.headers['content-type'] === 'application/json', 'content-type: must be JSON')
  const reply = answer(readPrompt(body))
  const model = String(body['model'])
  if (body['stream'] !== true) return { json: completionOf(reply, model) }
  const { include_usage: wantsUsage } = isObject(body['stream_options'])
    ? body['stream_options']
    : {}
  return { frames: framesOf(reply, model, wantsUsage === true) }
}

function embeddings(body: Json): Json {
  const { input } = object(body, 'request', [
    'model',
    'input',
    'dimensions',
    'encoding_format',
    'user',
  ])
  const inputs = Array.isArray(input) ? input : [text(input, 'input')]
  const data = inputs.map((each, index) => ({
    object: 'embedding',
    index,
    embedding: [String(each).length, 0.5],
  }))
  return {
    object: 'list',
    data,
    model: body['model'],
    usage: { prompt_tokens: 1, total_tokens: 1 },
  }
}

/** The Responses API, as far as a text that is repeated needs it. */
function responses(body: Json): Answer {
  const said = `You said: ${typeof body['input'] === 'string' ? body['input'] : 'something'}`
  const content = [{ type: 'output_text', text: said, annotations: [] }]
  const output = [
    { type: 'message', id: 'msg_fake', role: 'assistant', status: 'completed', content },
  ]
  const json = {
    id: 'resp_fake',
    object: 'response',
    created_at: 0,
    status: 'completed',
    model: body['model'],
    output,
  }
  return { json }
}
