import type { StreamEvent } from '../../content/event-stream.js'
import { anthropicType, openaiType } from '../../errors/provider-types.js'
import type { ResponseView } from '../types.js'
import { isRecord, type Part } from './part.js'

/** What both APIs say of an error. */
interface ProviderError {
  readonly status: number
  readonly message: string
  /** Whether the request has more tokens than the model takes. */
  readonly isTooLong: boolean
}

/** An error in OpenAI's API. */
interface OpenaiError {
  readonly message: string
  readonly type: string
  readonly param: null
  readonly code: string | null
}

/** An error in Anthropic's API. */
interface AnthropicError {
  readonly type: string
  readonly message: string
}

const TOO_LONG =
  /prompt is too long|exceed context limit|maximum context length|context_length_exceeded/i
const LONGEST_MESSAGE = 2000
/** Providers quote a part of the key that they refuse, and it is the gateway's. */
const KEY = /\b(?:sk|pk|gsk|xai|key)[-_][\w*.-]{4,}/gi

/** Statuses by the types of both APIs: an error in a stream has no status. */
const STATUSES: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  requests: 429,
  tokens: 429,
  insufficient_quota: 429,
  service_unavailable_error: 503,
  timeout: 504,
  timeout_error: 504,
  overloaded_error: 529,
}

/** OpenAI's codes, where the status alone tells one. */
const CODES: Readonly<Record<number, string>> = {
  401: 'invalid_api_key',
  404: 'model_not_found',
  429: 'rate_limit_exceeded',
}

/** The body of a provider's error, for a client of OpenAI's API. */
export function openaiErrorBody(response: ResponseView): { readonly error: OpenaiError } {
  return { error: openaiError(errorOf(response.status, bodyOf(response))) }
}

/** The body of a provider's error, for a client of Anthropic's API. */
export function anthropicErrorBody(response: ResponseView, requestId: string | undefined) {
  const error = anthropicError(errorOf(response.status, bodyOf(response)))
  return { type: 'error', error, request_id: requestId ?? null } as const
}

/** An error in a stream for clients of OpenAI's API: both of its APIs find theirs in it. */
export function openaiErrorEvent(from: Part): StreamEvent {
  const error = openaiError(errorOf(undefined, from.value))
  const { code, message, param } = error
  const data = { type: 'error', sequence_number: 0, code, message, param, error }
  return { event: 'error', data: JSON.stringify(data) }
}

/** An error in a stream for clients of Anthropic's API. */
export function anthropicErrorEvent(from: Part): StreamEvent {
  const error = anthropicError(errorOf(undefined, from.value))
  return { event: 'error', data: JSON.stringify({ type: 'error', error }) }
}

function openaiError({ status, message, isTooLong }: ProviderError): OpenaiError {
  const code = isTooLong ? 'context_length_exceeded' : (CODES[status] ?? null)
  return { message, type: openaiType(status), param: null, code }
}

/** Clients of Anthropic's API know a prompt that is too long by these words only. */
function anthropicError({ status, message, isTooLong }: ProviderError): AnthropicError {
  const text =
    isTooLong && !/prompt is too long/i.test(message) ? `prompt is too long: ${message}` : message
  return { type: anthropicType(status), message: text }
}

/** What a page of a CDN says, or a body of another shape, is not shown. */
function errorOf(answered: number | undefined, body: unknown): ProviderError {
  const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {}
  const status = answered ?? statusOf(error)
  const { message, code } = error
  const text = typeof message === 'string' && message !== '' ? message : silent(status)
  return {
    status,
    message: text.slice(0, LONGEST_MESSAGE).replace(KEY, '[removed]'),
    isTooLong: status < 500 && (code === 'context_length_exceeded' || TOO_LONG.test(text)),
  }
}

const silent = (status: number): string => `The provider answered with status ${status}.`

function statusOf({ type, code }: Readonly<Record<string, unknown>>): number {
  if (typeof code === 'number' && code >= 400 && code < 600) return code
  return typeof type === 'string' && Object.hasOwn(STATUSES, type) ? (STATUSES[type] ?? 500) : 500
}

function bodyOf(response: ResponseView): unknown {
  try {
    return response.json()
  } catch {
    return undefined
  }
}
