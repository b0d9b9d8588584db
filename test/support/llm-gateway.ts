import { createServer, type Server } from 'node:http'
import { listener, problemDetails, transform } from '../../src/index.js'
import type { Translator } from '../../src/llm.js'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { listen, type Listening } from './servers.js'

/** A provider, and a gateway in front of it whose clients speak the other API. */
export interface LlmGateway {
  readonly url: string
  readonly provider: Listening
  /** What the log hook was told: codes, and tokens of each request. */
  readonly codes: string[]
  readonly tokens: (number | undefined)[]
  close(): Promise<void>
}

/** Starts a provider behind a proxy of somebody else's, with a translator before it. */
export async function startGateway(
  provider: Server,
  translator: Translator,
  format: 'openai' | 'anthropic',
): Promise<LlmGateway> {
  const upstream = await listen(provider)
  const proxy = createForward()
  const codes: string[] = []
  const tokens: (number | undefined)[] = []
  const gateway = await listen(
    createServer(
      listener(
        problemDetails({ format, onError: ({ code }) => void codes.push(code) }),
        transform(
          (exchange) => {
            exchange.res.once('close', () => tokens.push(translator.usage(exchange)?.inputTokens))
            return translator(exchange)
          },
          { limit: '20mb', responseLimit: '20mb' },
        ),
        (req, res) => proxy(req, res, upstream.url),
      ),
    ),
  )
  return {
    url: gateway.url,
    provider: upstream,
    codes,
    tokens,
    async close() {
      await gateway.close()
      await upstream.close()
    },
  }
}
