import { type Cause, type Code, codes } from '../errors/codes.js'
import { isMembers, type Members, textAt } from './json-value.js'

/** What a body says of an error, in whichever format. */
export interface ErrorBody {
  /** Name of the format, for people. */
  readonly format: string
  /** What happened, in the words of the body. */
  readonly message: string | undefined
  /** The code in the body, as it is written there. */
  readonly said: string | undefined
  /** What that is in our words. */
  readonly code: Code | undefined
  readonly cause?: Cause | undefined
  readonly retryable?: boolean | undefined
  /** Seconds. */
  readonly retryAfter?: number | undefined
  readonly requestId: string | undefined
  /** Whether this package has written it. */
  readonly ours: boolean
  /** What a schema has found, a line each. */
  readonly issues: readonly string[]
}

const isCode = (value: unknown): value is Code => Object.hasOwn(codes, String(value))
const isCause = (value: unknown): value is Cause =>
  Object.values(codes).some(({ cause }) => cause === value)

/** What the error types and codes of providers mean in our words. */
const MEANINGS: Readonly<Record<string, Code>> = {
  rate_limit_error: 'upstream_rate_limited',
  rate_limit_exceeded: 'upstream_rate_limited',
  insufficient_quota: 'upstream_rate_limited',
  throttling_error: 'upstream_rate_limited',
  overloaded_error: 'upstream_overloaded',
  service_unavailable_error: 'upstream_overloaded',
  server_is_overloaded: 'upstream_overloaded',
  slow_down: 'upstream_overloaded',
  timeout_error: 'upstream_timeout',
  api_error: 'upstream_error',
  server_error: 'upstream_error',
  internal_server_error: 'upstream_error',
  request_too_large: 'content_too_large',
  invalid_request_error: 'request_rejected',
  authentication_error: 'request_rejected',
  permission_error: 'request_rejected',
  not_found_error: 'request_rejected',
  billing_error: 'request_rejected',
  context_length_exceeded: 'request_rejected',
}

const meaningOf = (...said: readonly (string | undefined)[]): Code | undefined => {
  const known = said.find((each) => each !== undefined && (isCode(each) || each in MEANINGS))
  return isCode(known) ? known : MEANINGS[known ?? '']
}

/** Reads the error in a body; undefined when it is about none. */
export function errorIn(body: unknown): ErrorBody | undefined {
  if (!isMembers(body)) return undefined
  return problemIn(body) ?? providerIn(body) ?? googleIn(body) ?? plainIn(body)
}

/** RFC 9457: a problem has a title and a status, and ours a code of ours with its cause. */
function problemIn(body: Members): ErrorBody | undefined {
  const { title, status, detail, code, cause, retryable, retry_after: wait } = body
  if (typeof title !== 'string' || typeof status !== 'number') return undefined
  const ours = isCode(code) && isCause(cause) && typeof retryable === 'boolean'
  return {
    format: ours ? 'the standard body of good-gateway' : 'a problem of RFC 9457',
    message: typeof detail === 'string' ? detail : title,
    said: typeof code === 'string' ? code : textAt(body, 'type'),
    code: isCode(code) ? code : undefined,
    cause: isCause(cause) ? cause : undefined,
    retryable: typeof retryable === 'boolean' ? retryable : undefined,
    retryAfter: typeof wait === 'number' ? wait : undefined,
    requestId: textAt(body, 'request_id'),
    ours,
    issues: issuesIn(body),
  }
}

const MOST_ISSUES = 20

function issuesIn({ errors }: Members): string[] {
  const list: readonly unknown[] = Array.isArray(errors) ? errors : []
  return list.slice(0, MOST_ISSUES).flatMap((issue) => {
    const place = textAt(issue, 'pointer') ?? textAt(issue, 'name') ?? ''
    const detail = textAt(issue, 'detail')
    return detail === undefined ? [] : [`${textAt(issue, 'in') ?? ''} ${place} ${detail}`.trim()]
  })
}

/** The format of Anthropic, and that of OpenAI, which most gateways for models speak. */
function providerIn(body: Members): ErrorBody | undefined {
  const { error, type } = body
  const message =
    textAt(error, 'message') ?? (type === 'error' ? textAt(body, 'message') : undefined)
  if (message === undefined || typeof (error as Members | undefined)?.['status'] === 'string')
    return undefined
  const anthropic = type === 'error' && textAt(error, 'type') !== undefined && !('code' in body)
  const [code, kind] = [textAt(error, 'code') ?? textAt(body, 'code'), textAt(error, 'type')]
  return {
    format: anthropic ? 'the format of Anthropic' : 'the format of OpenAI',
    message,
    said: code ?? kind,
    code: meaningOf(code, kind),
    requestId: textAt(body, 'request_id'),
    ours: isCode(code),
    issues: [],
  }
}

/** google.rpc.Status over HTTP. */
const GOOGLE: Readonly<Record<string, Code>> = {
  UNAVAILABLE: 'upstream_overloaded',
  DEADLINE_EXCEEDED: 'upstream_timeout',
  RESOURCE_EXHAUSTED: 'upstream_rate_limited',
  INTERNAL: 'upstream_error',
  INVALID_ARGUMENT: 'request_rejected',
}

function googleIn({ error }: Members): ErrorBody | undefined {
  const [message, said] = [textAt(error, 'message'), textAt(error, 'status')]
  if (message === undefined || said === undefined) return undefined
  const format = 'the format of Google'
  return {
    format,
    message,
    said,
    code: GOOGLE[said],
    requestId: undefined,
    ours: false,
    issues: [],
  }
}

/** `message`, `error`, `detail`: what most others have. */
function plainIn(body: Members): ErrorBody | undefined {
  const names = ['message', 'Message', 'errorMessage', 'error', 'detail', 'error_msg']
  const message = names.map((name) => textAt(body, name)).find((text) => text !== undefined)
  if (message === undefined) return undefined
  const said = textAt(body, 'code') ?? textAt(body, 'error')
  const requestId = textAt(body, 'request_id') ?? textAt(body, 'requestId')
  return {
    format: 'JSON of its own',
    message,
    said: said === message ? undefined : said,
    code: undefined,
    requestId,
    ours: false,
    issues: [],
  }
}
