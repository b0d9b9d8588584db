import { type Check, checkedOptions, count, oneOf } from '../../common/options.js'

/** What both translators may be told. */
export interface LlmOptions {
  /**
   * Key of the provider. Without it none is sent, and the `headers` of the target have to add one. The
   * client's own credentials never reach the provider.
   */
  readonly apiKey?: string
  /** The provider's names of models, by the names that clients ask for; others are sent as asked. */
  readonly models?: Readonly<Record<string, string>>
  /** Path and query at the provider, instead of `/v1/messages` or `/v1/chat/completions`. */
  readonly path?: string
}

/** Options of `openaiToAnthropic`. */
export interface OpenaiToAnthropicOptions extends LlmOptions {
  /** Most tokens of an answer where the client sets no bound. The Messages API needs one. @defaultValue `4096` */
  readonly maxTokens?: number
  /** What becomes of the model's thinking: left out, or sent as `reasoning_content`. @defaultValue `'drop'` */
  readonly reasoning?: 'drop' | 'reasoning_content'
}

/** Options of `anthropicToOpenai`. */
export interface AnthropicToOpenaiOptions extends LlmOptions {
  /** The member that bounds an answer; older servers know `max_tokens` only. @defaultValue `'max_completion_tokens'` */
  readonly maxTokensMember?: 'max_completion_tokens' | 'max_tokens'
}

/** Options as the translators use them. */
interface Settings {
  readonly apiKey: string | undefined
  readonly models: ReadonlyMap<string, string>
  readonly path: string
}

const CHECKS: Readonly<Record<keyof LlmOptions, Check>> = {
  apiKey: [
    (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value),
    'a key without white space; is its environment variable set?',
  ],
  models: [isModelMap, 'an object with a name of the provider for each name that clients ask for'],
  path: [
    (value) => typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value),
    'a path that begins with "/"',
  ],
}

/** @throws {TypeError} naming the option and the fix. */
export function openaiToAnthropicSettings(options: OpenaiToAnthropicOptions) {
  const {
    maxTokens = 4096,
    reasoning = 'drop',
    ...given
  } = checkedOptions('openaiToAnthropic', options, {
    ...CHECKS,
    maxTokens: count,
    reasoning: oneOf('drop', 'reasoning_content'),
  })
  const showReasoning = reasoning === 'reasoning_content'
  return { ...settings(given, '/v1/messages'), maxTokens, showReasoning }
}

/** @throws {TypeError} naming the option and the fix. */
export function anthropicToOpenaiSettings(options: AnthropicToOpenaiOptions) {
  const { maxTokensMember = 'max_completion_tokens', ...given } = checkedOptions(
    'anthropicToOpenai',
    options,
    { ...CHECKS, maxTokensMember: oneOf('max_completion_tokens', 'max_tokens') },
  )
  return { ...settings(given, '/v1/chat/completions'), maxTokensMember } as const
}

function settings({ apiKey, models = {}, path }: LlmOptions, defaultPath: string): Settings {
  return { apiKey, models: new Map(Object.entries(models)), path: path ?? defaultPath }
}

function isModelMap(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((name) => typeof name === 'string' && name !== '')
  )
}
