import { waitIn } from '../common/retry-after.js'
import type { Cause, Code } from '../errors/codes.js'
import type { Issue } from '../errors/gateway-error.js'

/**
 * A problem as a client reads it: the standard body, or what another format or another server has of
 * it (RFC 9457). Members of a wrong type are left out; unknown members are kept.
 */
export interface ClientProblem {
  /** URI of the problem type; `about:blank` where there is none. */
  readonly type: string
  /** Summary of the type. */
  readonly title: string
  /** The HTTP status. */
  readonly status: number
  /** What happened this time, for people. */
  readonly detail?: string
  /** Machine-readable reason; another server may send any text. */
  readonly code?: Code | (string & {})
  /** What kind of thing was at fault. */
  readonly cause?: Cause | (string & {})
  /** Whether exactly this request may be sent again. */
  readonly retryable?: boolean
  /** Seconds to wait before that. */
  readonly retry_after?: number
  /** The upstream that failed. */
  readonly upstream?: { readonly name: string; readonly status?: number }
  /** The violations of a schema. */
  readonly errors?: readonly Issue[]
  /** Whether there were more violations than `errors` lists. */
  readonly errors_truncated?: boolean
  /** Id to give to those who run the gateway. */
  readonly request_id?: string
  readonly [extension: string]: unknown
}

/** The part of `fetch`'s `Response` that is needed here, in browsers, in Node and in undici. */
export interface ResponseLike {
  readonly status: number
  readonly statusText: string
  readonly headers: { get(name: string): string | null }
  readonly body: {
    getReader(): { read(): Promise<{ value?: Uint8Array | undefined }>; cancel(): Promise<void> }
    cancel(): Promise<void>
  } | null
  clone(): ResponseLike
}

/** Most bytes of a body that are read. */
const MOST_BYTES = 65_536
/** Most milliseconds to wait for a body. */
const MOST_TIME = 5000
/** Milliseconds of the first and of the longest wait without a `retry_after`. */
const FIRST_WAIT = 500
const LONGEST_WAIT = 30_000
/** Most seconds that a timer can hold. */
const LONGEST_TIMER = 2_147_483

type Members = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a parsed value is a problem: the standard body, or any other of RFC 9457. */
export function isProblem(value: unknown): value is ClientProblem {
  try {
    const { type, title, status } = value as Members
    return typeof type === 'string' && typeof title === 'string' && Number.isInteger(status)
  } catch {
    // The value is null or undefined, or has a getter that throws.
    return false
  }
}

/**
 * Reads the problem in a response, in any of the gateway's formats or in plain RFC 9457.
 *
 * Gives undefined for every other response and leaves its body unread. Reads at most 64 KB, waits at
 * most 5 seconds, and never throws.
 */
export async function readProblem(response: ResponseLike): Promise<ClientProblem | undefined> {
  try {
    const { status, headers } = response
    const media = (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
    const standard = media === 'application/problem+json'
    if (!standard && (media !== 'application/json' || status < 400)) return undefined
    if (Number(headers.get('content-length')) > MOST_BYTES) return undefined
    // A copy is read, so that the caller can still read the response itself.
    const found = membersOf(JSON.parse(await textOf(response.clone())), headers, standard)
    if (found === undefined) return undefined
    response.body?.cancel().catch(() => {})
    return complete(found, response)
  } catch {
    return undefined
  }
}

/**
 * Milliseconds to wait before the request is sent again; undefined when it should not be sent again.
 *
 * The wait is `retry_after`. Without one it is half a second, twice as long for each further attempt,
 * at most 30 seconds, and shorter by a random part of up to a half.
 *
 * @param attempt - 1 for the first repetition.
 */
export function retryDelay(
  problem: Pick<ClientProblem, 'retryable' | 'retry_after'> | undefined,
  attempt = 1,
): number | undefined {
  if (problem?.retryable !== true) return undefined
  const { retry_after: seconds } = problem
  if (typeof seconds === 'number' && seconds >= 0) return Math.min(seconds, LONGEST_TIMER) * 1000
  const wait = FIRST_WAIT * 2 ** (Math.max(attempt || 1, 1) - 1)
  return Math.min(wait, LONGEST_WAIT) * (1 - Math.random() / 2)
}

async function textOf({ body }: ResponseLike): Promise<string> {
  const reader = body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let left = MOST_BYTES
  let timer
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, MOST_TIME)
  })
  try {
    for (;;) {
      const { value } = (await Promise.race([reader?.read(), late])) ?? {}
      if (value === undefined) return text + decoder.decode()
      // An empty chunk counts as one byte: a server could send empty chunks without end.
      left -= value.length || 1
      if (left < 0) throw new RangeError()
      text += decoder.decode(value, { stream: true })
    }
  } finally {
    clearTimeout(timer)
    // For a copy, this promise settles only after the original is cancelled or read as well.
    reader?.cancel().catch(() => {})
  }
}

/** The members of a body, under the names of RFC 9457; undefined where the body is not a problem. */
function membersOf(
  body: unknown,
  headers: ResponseLike['headers'],
  standard: boolean,
): Members | undefined {
  if (!isObject(body)) return undefined
  if (standard || isProblem(body)) return body
  const { error, message, request_id } = body
  // OpenAI's shape and Anthropic's.
  if (isObject(error) && typeof error['message'] === 'string')
    return { detail: error['message'], code: error['code'], request_id }
  const code = headers.get('x-amzn-errortype')
  return code !== null && typeof message === 'string' ? { detail: message, code } : undefined
}

const TYPES: Readonly<Record<string, string>> = {
  type: 'string',
  title: 'string',
  detail: 'string',
  instance: 'string',
  code: 'string',
  cause: 'string',
  retryable: 'boolean',
  retry_after: 'number',
  errors_truncated: 'boolean',
  request_id: 'string',
}

/** Leaves out members of a wrong type, and adds what only the header fields have. */
function complete(members: Members, { status, statusText, headers }: ResponseLike): ClientProblem {
  const { upstream, errors } = members
  const right = Object.fromEntries(
    Object.entries(members).filter(([name, value]) => {
      if (name === 'upstream') return isObject(upstream) && typeof upstream['name'] === 'string'
      if (name === 'errors') return Array.isArray(errors) && errors.every(isObject)
      return typeof value === (TYPES[name] ?? typeof value)
    }),
  )
  const wait = secondsOf(headers.get('retry-after'))
  const id = headers.get('x-request-id')
  const advised = headers.get('x-should-retry')
  const polite = status === 429 || status === 503 || wait !== undefined
  return {
    type: 'about:blank',
    title: statusText || `Status ${status}`,
    retryable: advised === null ? polite : advised === 'true',
    ...(wait !== undefined && { retry_after: wait }),
    ...(id !== null && { request_id: id }),
    ...right,
    status,
  }
}

/** `Retry-After` as seconds from now; a date that has passed asks for no wait. */
function secondsOf(field: string | null): number | undefined {
  const wait = field === null ? undefined : waitIn(field)
  return wait === undefined ? undefined : Math.max(wait, 0) / 1000
}
