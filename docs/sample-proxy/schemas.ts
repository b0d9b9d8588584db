const draft = 'https://json-schema.org/draft/2020-12/schema'

/** Body of `POST /orders`. */
export const orderSchema = {
  $schema: draft,
  title: 'Order',
  type: 'object',
  required: ['customer', 'items'],
  properties: {
    customer: { type: 'string', minLength: 1 },
    items: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['sku', 'qty'],
        properties: {
          sku: { type: 'string', minLength: 1 },
          qty: { type: 'integer', minimum: 1 },
        },
      },
    },
  },
} as const

/** Path parameters of `GET /orders/:id`. */
export const orderIdSchema = {
  $schema: draft,
  title: 'Path of an order',
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', pattern: '^[0-9]{1,18}$' } },
} as const

/** Body of `POST /v1/chat/completions`: what every model needs, open to what a newer one adds. */
export const chatSchema = {
  $schema: draft,
  title: 'Chat completion request',
  type: 'object',
  required: ['model', 'messages'],
  properties: {
    model: { type: 'string', minLength: 1 },
    messages: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['role'],
        properties: {
          role: { enum: ['developer', 'system', 'user', 'assistant', 'tool', 'function'] },
          content: { anyOf: [{ type: 'string' }, { type: 'array' }, { type: 'null' }] },
        },
      },
    },
    stream: { type: ['boolean', 'null'] },
    temperature: { type: ['number', 'null'], minimum: 0, maximum: 2 },
    max_tokens: { type: ['integer', 'null'], minimum: 1 },
  },
} as const
