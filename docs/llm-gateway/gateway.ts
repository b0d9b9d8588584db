import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { listener, problemDetails, routes, validate } from 'good-gateway'
import type { Translator } from 'good-gateway/llm'
import { chatSchema, embeddingSchema, messageSchema } from './schemas.js'
import { LIMIT, type Providers } from './upstreams.js'
import { waysTo, type Ways } from './ways.js'

/** A gateway that is not yet mounted on a server. */
export interface Gateway {
  readonly listener: RequestListener
  /** What knows the tokens of a request. */
  readonly translators: readonly Translator[]
  /** Ends the connections to the providers. */
  close(): Promise<void>
}

type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => unknown

/**
 * A gateway for language models: clients of both APIs in front of both providers. The name of a model
 * says whom it belongs to, and who is asked first; where the client speaks the other API, a translator
 * is between.
 */
export function createGateway(providers: Providers): Gateway {
  const { chat, messages, rest, translators } = waysTo(providers)
  const table = {
    'POST /v1/chat/completions': conversation(chatSchema, chat),
    'POST /v1/messages': conversation(messageSchema, messages),
    ...(providers.openai && {
      'POST /v1/embeddings': [validate({ body: embeddingSchema }, { limit: LIMIT }), rest],
      'POST /v1/responses': rest,
    }),
    'GET /v1/models': rest,
  }
  const forwards = [...Object.values(chat), ...Object.values(messages), rest]
  return {
    translators,
    listener: listener(
      problemDetails({ name: 'llm-gateway', format: (_, { url }) => formatOf(url) }),
      unbuffered,
      withoutAccount,
      routes(table, { otherwise: 'refuse' }),
      (_req, res) => res.writeHead(404).end(),
    ),
    close: async () => void (await Promise.all(forwards.map((each) => each.close()))),
  }
}

const formatOf = (url: string) => (url.startsWith('/v1/messages') ? 'anthropic' : 'openai')

/** Proxies such as nginx keep a stream back otherwise. */
const unbuffered: Middleware = (_req, res, next) => {
  res.setHeader('X-Accel-Buffering', 'no')
  next()
}

/** Fields in which a provider names the account that a key belongs to: it is that of the gateway. */
const ACCOUNT = /^(?:openai-organization|openai-project|anthropic-organization-id)$/i

/** Takes them off where nobody translates the answer. */
const withoutAccount: Middleware = (_req, res, next) => {
  const { writeHead } = res
  const hiding = (...args: unknown[]): unknown => {
    const fields: object = Object(args.at(-1))
    for (const name of Object.keys(fields).filter((key) => ACCOUNT.test(key)))
      Reflect.deleteProperty(fields, name)
    return Reflect.apply(writeHead, res, args)
  }
  Object.assign(res, { writeHead: hiding })
  next()
}

/** The way of a request that names a model: checked, and sent to its owner first. */
function conversation(schema: object, ways: Ways): Middleware[] {
  const checked = validate<{ body: { model: string } }>({ body: schema }, { limit: LIMIT })
  return [
    checked,
    (req, res, next) => {
      const isClaude = checked.valid(req).body.model.startsWith('claude')
      return ways[isClaude ? 'anthropic' : 'openai'](req, res, next)
    },
  ]
}
