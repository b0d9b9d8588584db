import type Anthropic from '@anthropic-ai/sdk'
import type OpenAI from 'openai'
import type { MessageRequest } from '../../../src/transform/llm/anthropic.js'
import type { Chunk, Completion, CompletionRequest } from '../../../src/transform/llm/openai.js'
import type { FinishReason, StopReason } from '../../../src/transform/llm/stop-reasons.js'

/** Fails to compile where the one is not the other. */
type Fits<Ours extends Theirs, Theirs> = Ours

/** The official types, which the compiler compares with what the translators write. */
export type Checked = [
  Fits<Completion, OpenAI.ChatCompletion>,
  Fits<Chunk, OpenAI.ChatCompletionChunk>,
  Fits<CompletionRequest, Partial<OpenAI.ChatCompletionCreateParams>>,
  // The newest models take no temperature, and so the newest types have none.
  Fits<Omit<MessageRequest, 'temperature' | 'top_p'>, Partial<Anthropic.MessageCreateParams>>,
  Fits<FinishReason, OpenAI.ChatCompletion.Choice['finish_reason']>,
  Fits<StopReason, Anthropic.StopReason>,
]
