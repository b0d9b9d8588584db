import { eventText } from '../content/event-stream.js'
import { ask } from '../common/callback.js'
import { warnOnce } from '../common/warn.js'
import { anthropicType, openaiType } from '../errors/provider-types.js'
import { isValue } from './fields.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Problem } from './problem.js'
import { jsonOf } from './problem-text.js'

/** A body in one of the formats, with its header fields. */
export interface Rendered {
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** The data of the last event of a stream, where it is not the body. */
  readonly event?: string
  /** Whether a stream ends as it should behind that event: the clients read it only then. */
  readonly endsStream?: true
}

/** Renders a problem in a format of the user's, or names the format of this request. */
export type FormatFunction = (
  problem: Problem,
  exchange: Exchange,
) => { contentType: string; body: string } | keyof typeof formats

type Named = (problem: Problem) => Rendered

const JSON_TYPE = 'application/json'

/** Seconds beyond which a client that waits looks like one that hangs: some SDKs have no bound. */
const LONGEST_RETRY = 20

/** The SDKs of both providers retry, or do not, as this header says. */
const shouldRetry = ({ retryable, retry_after: wait = 0 }: Problem) => ({
  'X-Should-Retry': String(retryable && wait <= LONGEST_RETRY),
})

/** The detail, with the place and the reason of the first violation: SDKs show nothing else. */
function messageOf({ detail, errors }: Problem): string {
  const [first] = errors ?? []
  if (first === undefined) return detail
  const place = first.pointer ?? first.name ?? ''
  return `${detail.replace(/\.$/, '')}: ${`${first.in} ${place}`.trim()} ${first.detail}`
}

const openaiError = (problem: Problem) => ({
  message: messageOf(problem),
  type: openaiType(problem.status),
  code: problem.code,
  param: problem.errors?.[0]?.pointer ?? problem.errors?.[0]?.name ?? null,
})

/** The bodies by the name of the format. */
export const formats = {
  problem: (problem) => ({
    contentType: 'application/problem+json',
    body: jsonOf(problem),
  }),
  openai: (problem) => {
    const error = openaiError(problem)
    const { code, message, param } = error
    return {
      contentType: JSON_TYPE,
      headers: shouldRetry(problem),
      body: JSON.stringify({ error }),
      // Chat Completions reads `error`, the Responses API the members beside it.
      event: JSON.stringify({ type: 'error', sequence_number: 0, code, message, param, error }),
      endsStream: true,
    }
  },
  anthropic: (problem) => ({
    contentType: JSON_TYPE,
    headers: { ...shouldRetry(problem), 'Request-Id': problem.request_id },
    body: JSON.stringify({
      type: 'error',
      error: {
        type: anthropicType(problem.status),
        message: messageOf(problem),
      },
      request_id: problem.request_id,
    }),
    endsStream: true,
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
export function render(problem: Problem, format: Format, exchange?: Exchange): Rendered {
  if (typeof format === 'string') return formats[format](problem)
  // What Node's server refuses by itself has no exchange; the types of its options know that.
  const rendered: unknown = ask('format', format, { ...problem }, exchange as Exchange)
  if (isFormatName(rendered)) return formats[rendered](problem)
  if (isRendered(rendered)) return { contentType: rendered.contentType, body: rendered.body }
  if (rendered !== undefined)
    warnOnce(
      format,
      'format must return { contentType, body }, both strings, or the name of a format; the standard body was sent instead',
    )
  return formats.problem(problem)
}

/** Whether a value is the name of a format. */
export const isFormatName = (value: unknown): value is keyof typeof formats =>
  typeof value === 'string' && Object.hasOwn(formats, value)

/** Whether the user's function gave a body, with a media type that Node can write. */
function isRendered(value: unknown): value is Pick<Rendered, 'contentType' | 'body'> {
  const { contentType, body } = Object(value) as Partial<Record<keyof Rendered, unknown>>
  return (
    typeof contentType === 'string' &&
    typeof body === 'string' &&
    contentType !== '' &&
    isValue(contentType)
  )
}

/** The same body as one server-sent event: each line of the body is a line of its data. */
export function eventOf({ body, event = body }: Rendered): string {
  return eventText({ event: 'error', data: event })
}
