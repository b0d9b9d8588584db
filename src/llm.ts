export { anthropicToOpenai } from './transform/llm/anthropic-to-openai/anthropic-to-openai.js'
export { openaiToAnthropic } from './transform/llm/openai-to-anthropic/openai-to-anthropic.js'
export type {
  AnthropicToOpenaiOptions,
  LlmOptions,
  OpenaiToAnthropicOptions,
} from './transform/llm/options.js'
export type { Translator } from './transform/llm/translator.js'
export type { TokenUsage } from './transform/llm/usage.js'
