import type { FinishReason } from './stop-reasons.js'
import type { CompletionUsage } from './usage.js'

/*
 * What is written in OpenAI's Chat Completions API: requests for its providers, answers for its clients.
 */

/** A part of what a user says. */
export type UserPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } }
  | {
      readonly type: 'file'
      readonly file: { readonly filename: string; readonly file_data: string }
    }

/** A call of a function by the model. */
export interface ToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** One message of a conversation. */
export type ChatMessage =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user'; readonly content: string | UserPart[] }
  | {
      readonly role: 'assistant'
      readonly content: string | null
      readonly tool_calls?: ToolCall[]
    }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

/** A function that the model may call. */
export interface FunctionTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters: Record<string, unknown>
    readonly strict?: boolean
  }
}

/** Which function the model must call. */
export type ToolChoice =
  | 'auto'
  | 'none'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }

/** A request, as far as it is made from one of the Messages API. */
export interface CompletionRequest {
  model?: string
  max_completion_tokens?: number
  max_tokens?: number
  messages?: ChatMessage[]
  stream?: boolean
  stream_options?: { readonly include_usage: true }
  temperature?: number
  top_p?: number
  stop?: string[]
  tools?: FunctionTool[]
  tool_choice?: ToolChoice
  parallel_tool_calls?: boolean
  response_format?: {
    readonly type: 'json_schema'
    readonly json_schema: {
      readonly name: string
      readonly schema: Record<string, unknown>
      readonly strict: true
    }
  }
  reasoning_effort?: 'low' | 'medium' | 'high' | 'xhigh' | 'max'
  service_tier?: 'auto' | 'default'
  user?: string
}

/** A whole answer. */
export interface Completion {
  readonly id: string
  readonly object: 'chat.completion'
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  readonly choices: [
    {
      readonly index: 0
      readonly message: {
        readonly role: 'assistant'
        readonly content: string | null
        readonly refusal: null
        readonly reasoning_content?: string
        readonly tool_calls?: ToolCall[]
      }
      readonly logprobs: null
      readonly finish_reason: FinishReason
    },
  ]
  readonly usage: CompletionUsage
}

/** What one event of a stream adds. */
export interface Delta {
  readonly role?: 'assistant'
  readonly content?: string
  readonly reasoning_content?: string
  readonly tool_calls?: [
    {
      readonly index: number
      readonly id?: string
      readonly type?: 'function'
      readonly function: { readonly name?: string; readonly arguments: string }
    },
  ]
}

/** One event of a stream. */
export interface Chunk {
  readonly id: string
  readonly object: 'chat.completion.chunk'
  readonly created: number
  readonly model: string
  readonly choices: {
    readonly index: 0
    readonly delta: Delta
    readonly logprobs: null
    readonly finish_reason: FinishReason | null
  }[]
  readonly usage?: CompletionUsage | null
}

/** The last event of a stream. */
export const DONE = '[DONE]'
