import { type ConnectForward, forward, type TargetOptions, type Transform } from 'good-gateway'
import type { Provider, Settings } from './settings.js'

/** The two providers by the API that they speak. */
export type Name = 'openai' | 'anthropic'
export type Providers = Pick<Settings, Name | 'keepAlive'>

/** Most bytes of a request: an image of 5 MB is 7 MB of base64. */
export const LIMIT = '20mb'

/** Milliseconds: models think for minutes, and say nothing meanwhile. */
const TIMES = { timeout: 600_000, idleTimeout: 300_000 }
/** Milliseconds of silence in a stream, after which a comment tells that somebody is there. */
const KEEP_ALIVE = 15_000

/** What shows who the client is stays here; the provider is shown the key of the gateway. */
const WITHOUT_CLIENT = {
  authorization: null,
  'x-api-key': null,
  'api-key': null,
  cookie: null,
  'openai-organization': null,
  'openai-project': null,
}

/** A provider to ask. */
export interface Asked {
  readonly provider: Name
  /** Where the client speaks another API than the provider, or another model has to answer. */
  readonly transform?: Transform | undefined
}

/**
 * Asks providers in this order: the next one when one fails, is overloaded or has an open circuit, as
 * long as the client has got nothing of an answer.
 */
export function askInOrder(providers: Providers, order: readonly Asked[]): ConnectForward {
  return forward({
    targets: order.flatMap(({ provider, transform }) => {
      const { [provider]: settings } = providers
      return settings ? [targetOf(provider, settings, transform)] : []
    }),
    // The version is a part of the URL of a provider.
    rewrite: (path) => path.replace(/^\/v1(?=\/)/, ''),
    // A model that has not answered yet may be asked again; it may bill both.
    repeatable: true,
    bufferLimit: LIMIT,
    keepAlive: providers.keepAlive ?? KEEP_ALIVE,
  })
}

function targetOf(
  provider: Name,
  { url, key }: Provider,
  transform: Transform | undefined,
): TargetOptions {
  const credentials: Record<string, string> =
    provider === 'openai' ? { authorization: `Bearer ${key}` } : { 'x-api-key': key }
  return {
    name: provider,
    target: url,
    headers: { ...WITHOUT_CLIENT, ...credentials },
    circuit: TIMES,
    ...(transform && { transform }),
  }
}
