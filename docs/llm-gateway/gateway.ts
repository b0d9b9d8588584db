import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { listener, problemDetails, routes, transform, validate } from 'good-gateway'
import { anthropicToOpenai, openaiToAnthropic, type Translator } from 'good-gateway/llm'
import { chatSchema, embeddingSchema, messageSchema } from './schemas.js'
import { LIMIT, type Name, type Providers, startUpstreams, type Upstreams } from './upstreams.js'

/** A gateway that is not yet mounted on a server. */
export interface Gateway {
  readonly listener: RequestListener
  /** What knows the tokens of a request. */
  readonly translators: readonly Translator[]
  /** Ends the connections to the providers. */
  close(): Promise<void>
}

/** The model of the other provider that stands for one, where only that provider is there. */
const CLAUDE_FOR = { 'gpt-5': 'claude-opus-4-5', 'gpt-5-mini': 'claude-haiku-4-5' }
const GPT_FOR = Object.fromEntries(Object.entries(CLAUDE_FOR).map(([gpt, claude]) => [claude, gpt]))

type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => unknown

/**
 * A gateway for language models: clients of both APIs in front of both providers. The name of a model
 * says whose it is; where the client speaks the other API, a translator is between.
 */
export function createGateway(providers: Providers): Gateway {
  const upstreams = startUpstreams(providers)
  const toAnthropic = openaiToAnthropic({ models: CLAUDE_FOR, path: '/messages' })
  const toOpenai = anthropicToOpenai({ models: GPT_FOR, path: '/chat/completions' })
  const { openai, anthropic } = upstreams
  const table = {
    'POST /v1/chat/completions': conversation(upstreams, chatSchema, { anthropic: toAnthropic }),
    'POST /v1/messages': conversation(upstreams, messageSchema, { openai: toOpenai }),
    ...(openai && {
      'POST /v1/embeddings': [validate({ body: embeddingSchema }, { limit: LIMIT }), openai],
      'POST /v1/responses': openai,
    }),
    'GET /v1/models': openai ?? anthropic ?? [],
  }
  return {
    translators: [toAnthropic, toOpenai],
    listener: listener(
      problemDetails({ name: 'llm-gateway', format: (_, { url }) => formatOf(url) }),
      unbuffered,
      routes(table, { otherwise: 'refuse' }),
      (_req, res) => res.writeHead(404).end(),
    ),
    close: async () => void (await Promise.all([openai?.close(), anthropic?.close()])),
  }
}

const formatOf = (url: string) => (url.startsWith('/v1/messages') ? 'anthropic' : 'openai')

/** Proxies such as nginx keep a stream back otherwise. */
const unbuffered: Middleware = (_req, res, next) => {
  res.setHeader('X-Accel-Buffering', 'no')
  next()
}

/** The way of a request that names a model: checked, translated where it must be, and sent. */
function conversation(
  upstreams: Upstreams,
  schema: object,
  translators: { readonly [Each in Name]?: Translator },
): Middleware[] {
  const checked = validate<{ body: { model: string } }>({ body: schema }, { limit: LIMIT })
  const ownerOf = (req: IncomingMessage): Name => {
    const { model } = checked.valid(req).body
    const owner = model.startsWith('claude') ? 'anthropic' : 'openai'
    return upstreams[owner] ? owner : owner === 'openai' ? 'anthropic' : 'openai'
  }
  return [
    checked,
    transform((exchange) => translators[ownerOf(exchange.req)]?.(exchange), {
      limit: LIMIT,
      responseLimit: LIMIT,
    }),
    (req, res, next) => upstreams[ownerOf(req)]?.(req, res, next),
  ]
}
