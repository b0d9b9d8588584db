// What all gateways of the benchmark have in common: the requests, their schemas and the upstream.
import { Agent, type Server } from 'node:http'

/** What a scenario asks of a gateway. */
export interface Settings {
  /** Base URL of the upstream. */
  readonly target: string
  /** Most bytes of a body. */
  readonly limit: number
  /** Whether the circuit opens, and then stays open; else it never opens. */
  readonly opens: boolean
  /** What the plain handler writes. */
  readonly recorded?: Recorded
}

/** An answer as another gateway has given it. */
export interface Recorded {
  readonly status: number
  readonly headers: Record<string, string | string[]>
  readonly body: string
}

/** A module of this folder: it makes a gateway and leaves the listening to the caller. */
export interface Gateway {
  create(settings: Settings): Server | Promise<Server>
}

/** Schema of the parameter of GET /things/:id. */
export const thing = {
  type: 'object',
  properties: { id: { type: 'string', pattern: '^[0-9]{1,9}$' } },
  required: ['id'],
} as const

/** Schema of the body of POST /orders. */
export const order = {
  type: 'object',
  required: ['customer', 'items'],
  properties: {
    customer: { type: 'string', minLength: 1, maxLength: 100 },
    note: { type: 'string', maxLength: 1000 },
    items: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['sku', 'quantity'],
        additionalProperties: false,
        properties: {
          sku: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{4}$' },
          quantity: { type: 'integer', minimum: 1, maximum: 999 },
        },
      },
    },
  },
} as const

/** The thresholds of a circuit in the words of opossum: a low one to be opened, or one out of reach. */
export function circuit({ opens }: Settings) {
  return { resetTimeout: 3_600_000, volumeThreshold: opens ? 10 : 1_000_000_000 }
}

/** Kept-alive connections to the upstream. */
export const agent = new Agent({ keepAlive: true })
