import { ask } from '../common/callback.js'
import { warnOnce } from '../common/warn.js'
import { isValue } from './fields.js'
import type { Problem } from './problem.js'

/** A body in the shape that a client expects, with the fields that go with it. */
export interface Rendered {
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Writes a problem in another shape. */
export type FormatFunction = (problem: Problem) => { contentType: string; body: string }

type Named = (problem: Problem) => Rendered

const JSON_TYPE = 'application/json'

/** Error types of the providers' clients by status; below 500 anything else is the request's fault. */
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

const typeOf = (types: Readonly<Record<number, string>>, status: number, broken: string): string =>
  types[status] ?? (status < 500 ? 'invalid_request_error' : broken)

/** The SDKs of both providers let it decide about their retries. */
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

/** Name of a format, or a function that writes one. */
export type Format = keyof typeof formats | FormatFunction

/** Writes a problem in a format; the standard one where the user's function fails. */
export function render(problem: Problem, format: Format): Rendered {
  if (typeof format === 'string') return formats[format](problem)
  const rendered: unknown = ask('format', format, { ...problem })
  if (isRendered(rendered)) return { contentType: rendered.contentType, body: rendered.body }
  if (rendered !== undefined)
    warnOnce(format, 'format must return { contentType, body }; the standard body was sent instead')
  return formats.problem(problem)
}

/** Also a media type that Node would refuse to write is none. */
function isRendered(value: unknown): value is ReturnType<FormatFunction> {
  const { contentType, body } = Object(value) as Partial<Record<keyof Rendered, unknown>>
  return (
    typeof contentType === 'string' &&
    typeof body === 'string' &&
    contentType !== '' &&
    isValue(contentType)
  )
}

/** The same body as one server-sent event; each line of it is a line of data. */
export function eventOf({ body }: Rendered): string {
  const data = body.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `event: error\n${data.join('')}\n`
}
