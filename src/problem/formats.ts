import { ask } from '../common/callback.js'
import { warnOnce } from '../common/warn.js'
import { isValue } from './fields.js'
import type { Problem } from './problem.js'

/** A body in one of the formats, with its header fields. */
export interface Rendered {
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Renders a problem in a format of the user's. */
export type FormatFunction = (problem: Problem) => { contentType: string; body: string }

type Named = (problem: Problem) => Rendered

const JSON_TYPE = 'application/json'

/** Error types of OpenAI's API by status. For others see `typeOf`. */
const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'service_unavailable_error',
  504: 'timeout_error',
}
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  ...OPENAI_TYPES,
  503: 'overloaded_error',
}

const typeOf = (types: Readonly<Record<number, string>>, status: number, server: string): string =>
  types[status] ?? (status < 500 ? 'invalid_request_error' : server)

/** The SDKs of both providers retry, or do not, as this header says. */
const shouldRetry = ({ retryable }: Problem) => ({ 'X-Should-Retry': String(retryable) })

/** The bodies by the name of the format. */
export const formats = {
  problem: (problem) => ({
    contentType: 'application/problem+json',
    body: JSON.stringify(problem),
  }),
  openai: (problem) => ({
    contentType: JSON_TYPE,
    headers: shouldRetry(problem),
    body: JSON.stringify({
      error: {
        message: problem.detail,
        type: typeOf(OPENAI_TYPES, problem.status, 'server_error'),
        code: problem.code,
        param: problem.errors?.[0]?.pointer ?? problem.errors?.[0]?.name ?? null,
      },
    }),
  }),
  anthropic: (problem) => ({
    contentType: JSON_TYPE,
    headers: { ...shouldRetry(problem), 'Request-Id': problem.request_id },
    body: JSON.stringify({
      type: 'error',
      error: {
        type: typeOf(ANTHROPIC_TYPES, problem.status, 'api_error'),
        message: problem.detail,
      },
      request_id: problem.request_id,
    }),
  }),
  aws: (problem) => ({
    contentType: JSON_TYPE,
    headers: { 'X-Amzn-ErrorType': problem.code },
    body: JSON.stringify({ message: problem.detail }),
  }),
} as const satisfies Record<string, Named>

/** Name of a format, or a function that renders a problem. */
export type Format = keyof typeof formats | FormatFunction

/** Renders a problem in a format; in the standard one where the user's function fails. */
export function render(problem: Problem, format: Format): Rendered {
  if (typeof format === 'string') return formats[format](problem)
  const rendered: unknown = ask('format', format, { ...problem })
  if (isRendered(rendered)) return { contentType: rendered.contentType, body: rendered.body }
  if (rendered !== undefined)
    warnOnce(
      format,
      'format must return { contentType, body }, both strings; the standard body was sent instead',
    )
  return formats.problem(problem)
}

/** Whether the user's function gave a body, with a media type that Node can write. */
function isRendered(value: unknown): value is ReturnType<FormatFunction> {
  const { contentType, body } = Object(value) as Partial<Record<keyof Rendered, unknown>>
  return (
    typeof contentType === 'string' &&
    typeof body === 'string' &&
    contentType !== '' &&
    isValue(contentType)
  )
}

/** The same body as one server-sent event: each line of the body is a line of its data. */
export function eventOf({ body }: Rendered): string {
  const data = body.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `event: error\n${data.join('')}\n`
}
