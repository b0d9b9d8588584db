import { type ConnectForward, forward } from 'good-gateway'
import type { Provider, Settings } from './settings.js'

/** The two providers by the API that they speak. */
export type Name = 'openai' | 'anthropic'
export type Providers = Pick<Settings, Name>
/** What sends requests to the providers that there are. */
export type Upstreams = { readonly [Each in Name]?: ConnectForward }

/** Most bytes of a request: an image of 5 MB is 7 MB of base64. */
export const LIMIT = '20mb'

/** Milliseconds: models think for minutes, and say nothing meanwhile. */
const TIMES = { timeout: 600_000, idleTimeout: 300_000 }

/** What shows who the client is stays here; the provider is shown the key of the gateway. */
const WITHOUT_CLIENT = {
  authorization: null,
  'x-api-key': null,
  'api-key': null,
  cookie: null,
  'openai-organization': null,
  'openai-project': null,
}

/** Sends requests to the providers, each with a circuit of its own. */
export function startUpstreams({ openai, anthropic }: Providers): Upstreams {
  return {
    ...(openai && {
      openai: forwardTo('openai', openai, { authorization: `Bearer ${openai.key}` }),
    }),
    ...(anthropic && {
      anthropic: forwardTo('anthropic', anthropic, { 'x-api-key': anthropic.key }),
    }),
  }
}

function forwardTo(
  name: Name,
  { url }: Provider,
  credentials: Readonly<Record<string, string>>,
): ConnectForward {
  const headers = { ...WITHOUT_CLIENT, ...credentials }
  return forward({
    targets: [{ name, target: url, headers, circuit: TIMES }],
    // The version is a part of the URL of a provider.
    rewrite: (path) => path.replace(/^\/v1(?=\/)/, ''),
    // A model that has not answered yet may be asked again.
    repeatable: true,
    bufferLimit: LIMIT,
  })
}
