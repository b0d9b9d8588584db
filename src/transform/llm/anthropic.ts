import type { StopReason } from './stop-reasons.js'
import type { MessageUsage } from './usage.js'

/*
 * What is written in Anthropic's Messages API: requests for its provider, answers for its clients.
 */

export interface TextBlock {
  readonly type: 'text'
  readonly text: string
}

/** Where an image or a document comes from. */
export type Source<Type extends string> =
  | { readonly type: 'base64'; readonly media_type: Type; readonly data: string }
  | { readonly type: 'url'; readonly url: string }

export type ImageType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp'

export interface ToolUseBlock {
  readonly type: 'tool_use'
  readonly id: string
  readonly name: string
  readonly input: Record<string, unknown>
}

export interface ToolResultBlock {
  readonly type: 'tool_result'
  readonly tool_use_id: string
  readonly content?: string
}

/** One block of what a user or the model says. */
export type Block =
  | TextBlock
  | { readonly type: 'image'; readonly source: Source<ImageType> }
  | {
      readonly type: 'document'
      readonly source: Source<'application/pdf'>
      readonly title?: string
    }
  | ToolUseBlock
  | ToolResultBlock

/** One message of a conversation. */
export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: Block[]
}

/** A function that the model may call. */
export interface Tool {
  readonly name: string
  readonly description?: string
  readonly input_schema: { readonly type: 'object'; readonly [name: string]: unknown }
  readonly strict?: boolean
}

/** Which tool the model must call. */
export type ToolChoice =
  | { readonly type: 'none' }
  | { readonly type: 'auto' | 'any'; readonly disable_parallel_tool_use?: true }
  | { readonly type: 'tool'; readonly name: string; readonly disable_parallel_tool_use?: true }

export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const
export type Effort = (typeof EFFORTS)[number]

/** How the model must answer. */
export interface OutputConfig {
  readonly format?: { readonly type: 'json_schema'; readonly schema: Record<string, unknown> }
  readonly effort?: Effort
}

/** A request, as far as it is made from one of Chat Completions. */
export interface MessageRequest {
  model?: string
  max_tokens?: number
  system?: string
  messages?: Turn[]
  stream?: boolean
  temperature?: number
  top_p?: number
  stop_sequences?: string[]
  tools?: Tool[]
  tool_choice?: ToolChoice
  output_config?: OutputConfig
  metadata?: { readonly user_id: string }
  service_tier?: 'auto' | 'standard_only'
}

/** A whole answer; as the first event of a stream it has no content yet. */
export interface Message {
  readonly id: string
  readonly type: 'message'
  readonly role: 'assistant'
  readonly model: string
  readonly content: (TextBlock | ToolUseBlock)[]
  readonly stop_reason: StopReason | null
  readonly stop_sequence: null
  readonly usage: MessageUsage
}

/** One event of a stream. */
export type MessageEvent =
  | { readonly type: 'message_start'; readonly message: Message }
  | {
      readonly type: 'content_block_start'
      readonly index: number
      readonly content_block: TextBlock | ToolUseBlock
    }
  | {
      readonly type: 'content_block_delta'
      readonly index: number
      readonly delta:
        | { readonly type: 'text_delta'; readonly text: string }
        | { readonly type: 'input_json_delta'; readonly partial_json: string }
    }
  | { readonly type: 'content_block_stop'; readonly index: number }
  | {
      readonly type: 'message_delta'
      readonly delta: { readonly stop_reason: StopReason; readonly stop_sequence: null }
      readonly usage: MessageUsage
    }
  | { readonly type: 'message_stop' }
