import type { Exchange } from '../../exchange/exchange.js'
import { withoutStack } from '../../errors/gateway-error.js'
import type { RequestView, Transformer } from '../types.js'
import { Call } from './call.js'
import type { TokenUsage } from './usage.js'

/** A transform of requests to language models and of their answers. */
export interface Translator {
  (exchange: Exchange): Transformer
  /**
   * The tokens of a request, as the provider told them; undefined where it has told none, or where
   * another translator has made the last call. In a stream they come with its end.
   */
  usage(exchange: Exchange): TokenUsage | undefined
}

/** The last translation of a request: a field of the exchange, which ends with it. */
const TRANSLATION = Symbol('good-gateway.llm')
type Translated = Exchange & {
  [TRANSLATION]?: { readonly by: Translator; readonly call: Call }
}

/** Makes a translator of a function that translates one call. */
export function translator(translate: (call: Call) => Transformer): Translator {
  const by: Translator = Object.assign(
    (exchange: Translated) => {
      const call = new Call()
      exchange[TRANSLATION] = { by, call }
      return translate(call)
    },
    {
      usage(exchange: Translated) {
        const last = exchange[TRANSLATION]
        return last?.by === by ? last.call.usage : undefined
      },
    },
  )
  return by
}

/**
 * Refuses what has no counterpart at the other provider, such as `/v1/messages/count_tokens`: to let it
 * pass would show the client's credentials to it.
 *
 * @param end - End of the path that is translated.
 */
export function requirePath({ method, path }: RequestView, end: string): void {
  const [plain = ''] = path.split('?', 1)
  if (method === 'POST' && plain.endsWith(end)) return
  throw withoutStack('route_not_found', {
    detail: 'The provider behind the gateway has nothing like this path.',
  })
}
