import type { Part } from './part.js'

/** The tokens of one call, as the provider told them. */
export interface TokenUsage {
  /** All tokens of the prompt, those of the cache included. */
  readonly inputTokens: number
  /** Tokens of the prompt that were read from the provider's cache. */
  readonly cachedTokens: number
  /** Tokens of the prompt that were written to the provider's cache. */
  readonly writtenTokens: number
  /** All tokens of the answer, those of its reasoning included. */
  readonly outputTokens: number
  /** Tokens of the answer that the model spent on reasoning. */
  readonly reasoningTokens: number
}

/** Usage in OpenAI's Chat Completions. */
export interface CompletionUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
  readonly completion_tokens_details: { readonly reasoning_tokens: number }
}

/** Usage in Anthropic's Messages. */
export interface MessageUsage {
  readonly input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly cache_read_input_tokens: number
  readonly output_tokens: number
}

const NONE: TokenUsage = {
  inputTokens: 0,
  cachedTokens: 0,
  writtenTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

/**
 * Reads the usage of a message. In a stream the last event repeats some of the numbers of the first,
 * and those that it has count.
 */
export function readMessageUsage(usage: Part, before: TokenUsage = NONE): TokenUsage {
  if (usage.isAbsent) return before
  const cachedTokens = tokens(usage.get('cache_read_input_tokens'), before.cachedTokens)
  const writtenTokens = tokens(usage.get('cache_creation_input_tokens'), before.writtenTokens)
  const own = before.inputTokens - before.cachedTokens - before.writtenTokens
  const details = usage.get('output_tokens_details')
  return {
    inputTokens: tokens(usage.get('input_tokens'), own) + cachedTokens + writtenTokens,
    cachedTokens,
    writtenTokens,
    outputTokens: tokens(usage.get('output_tokens'), before.outputTokens),
    reasoningTokens: details.isAbsent
      ? before.reasoningTokens
      : tokens(details.get('thinking_tokens'), before.reasoningTokens),
  }
}

/** Reads the usage of a completion. */
export function readCompletionUsage(usage: Part): TokenUsage {
  const prompt = usage.get('prompt_tokens_details')
  const completion = usage.get('completion_tokens_details')
  return {
    inputTokens: tokens(usage.get('prompt_tokens'), 0),
    cachedTokens: prompt.isAbsent ? 0 : tokens(prompt.get('cached_tokens'), 0),
    writtenTokens: prompt.isAbsent ? 0 : tokens(prompt.get('cache_write_tokens'), 0),
    outputTokens: tokens(usage.get('completion_tokens'), 0),
    reasoningTokens: completion.isAbsent ? 0 : tokens(completion.get('reasoning_tokens'), 0),
  }
}

/** A number of tokens; servers that speak the same API leave some of them out. */
const tokens = (part: Part, otherwise: number): number =>
  part.isAbsent ? otherwise : part.number()

/** The usage for a client of OpenAI's API. */
export function completionUsage(usage: TokenUsage): CompletionUsage {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  }
}

/** The usage for a client of Anthropic's API, which does not count the cache in `input_tokens`. */
export function messageUsage(usage: TokenUsage = NONE): MessageUsage {
  return {
    input_tokens: Math.max(0, usage.inputTokens - usage.cachedTokens - usage.writtenTokens),
    cache_creation_input_tokens: usage.writtenTokens,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.outputTokens,
  }
}
