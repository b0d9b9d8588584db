/*
 * What the gateway itself needs of a request. The providers check the rest, and know their newest
 * members.
 */

const model = { type: 'string', minLength: 1, maxLength: 200 } as const
const messages = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    required: ['role'],
    properties: { role: { type: 'string' } },
  },
} as const
const count = { type: ['integer', 'null'], minimum: 1 } as const
const flag = { type: ['boolean', 'null'] } as const

/** A request of Chat Completions. */
export const chatSchema = {
  type: 'object',
  required: ['model', 'messages'],
  properties: { model, messages, stream: flag, max_tokens: count, max_completion_tokens: count },
} as const

/** A request of the Messages API. */
export const messageSchema = {
  type: 'object',
  required: ['model', 'messages', 'max_tokens'],
  properties: { model, messages, stream: flag, max_tokens: count },
} as const

/** A request for embeddings. */
export const embeddingSchema = {
  type: 'object',
  required: ['model', 'input'],
  properties: { model, input: { type: ['string', 'array'], minLength: 1, minItems: 1 } },
} as const
