import type { ConnectForward } from 'good-gateway'
import { anthropicToOpenai, openaiToAnthropic, type Translator } from 'good-gateway/llm'
import { CLAUDE_FOR, GPT_FOR, standIn } from './stand-in.js'
import { askInOrder, type Asked, type Name, type Providers } from './upstreams.js'

/** Where requests go, by the provider that the model belongs to. */
export type Ways = Readonly<Record<Name, ConnectForward>>

/** All ways to the providers. */
export interface AllWays {
  readonly chat: Ways
  readonly messages: Ways
  /** What is not translated. */
  readonly rest: ConnectForward
  readonly translators: readonly Translator[]
}

/**
 * The owner of the model is asked first, then the other provider for the model that stands for it.
 * Where the client speaks the other API, a translator is between.
 */
export function waysTo(providers: Providers): AllWays {
  const toAnthropic = openaiToAnthropic({ path: '/messages', models: CLAUDE_FOR })
  const toOpenai = anthropicToOpenai({ path: '/chat/completions', models: GPT_FOR })
  const inOrder = (...order: Asked[]): ConnectForward => askInOrder(providers, order)
  const chat = {
    openai: inOrder(
      { provider: 'openai' },
      { provider: 'anthropic', transform: standIn(CLAUDE_FOR, toAnthropic) },
    ),
    anthropic: inOrder(
      { provider: 'anthropic', transform: toAnthropic },
      { provider: 'openai', transform: standIn(GPT_FOR) },
    ),
  }
  const messages = {
    openai: inOrder(
      { provider: 'openai', transform: toOpenai },
      { provider: 'anthropic', transform: standIn(CLAUDE_FOR) },
    ),
    anthropic: inOrder(
      { provider: 'anthropic' },
      { provider: 'openai', transform: standIn(GPT_FOR, toOpenai) },
    ),
  }
  const rest = inOrder(providers.openai ? { provider: 'openai' } : { provider: 'anthropic' })
  return { chat, messages, rest, translators: [toAnthropic, toOpenai] }
}
