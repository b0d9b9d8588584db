import { type ErrorBody, errorIn } from './error-body.js'
import { type Finding, note, reportOf, type StepReport } from './finding.js'
import { jsonIn } from './json-value.js'
import { limitInWords, limitsIn, type RateLimit, waitOf } from './limits.js'
import { APIS } from './marks-apis.js'
import { GATEWAYS, type Mark, type Seen } from './marks.js'
import { lastProxy, proxyFailure } from './proxy-status.js'
import { type Answer, valueOf, valuesOf } from './received.js'
import { statusFindings, type Written } from './status.js'
import { clause, oneLine, timeIn } from './words.js'

/** Who has written an answer, and what it says. */
export interface Source {
  readonly report: StepReport
  /** The writer, as far as it is known: `nginx`, `good-gateway`, `the server`. */
  readonly writer: string
  /** Whether that is a gateway, or what stands behind. */
  readonly by: 'gateway' | 'origin' | 'unknown'
  /** Names and values of the ids by which its logs find the call. */
  readonly ids: readonly (readonly [name: string, value: string])[]
  /** Where its logs are. */
  readonly logs: string | undefined
  readonly limits: readonly RateLimit[]
  readonly waitMs: number | undefined
  /** Whether the answer says that the call may be repeated. */
  readonly retryable: boolean | undefined
  readonly status: number
  /** Whether this package has written it. */
  readonly ours: boolean
}

const MARKS: readonly Mark[] = [...GATEWAYS, ...APIS]

/** Fields with the id of a call. */
const IDS = [
  'x-request-id',
  'request-id',
  'x-amzn-requestid',
  'x-amz-apigw-id',
  'apigw-requestid',
  'x-amz-cf-id',
  'cf-ray',
  'x-litellm-call-id',
  'x-kong-request-id',
  'x-amzn-trace-id',
  'x-correlation-id',
] as const

const MOST_TEXT = 16_384

/** Finds out whose answer it is, and what it means. */
export function sourceOf(answer: Answer, decoded: Buffer): Source {
  const startedAt = performance.now()
  const seen = seenOf(answer, decoded)
  const passed = MARKS.filter((mark) => mark.passed(seen))
  const who = writerOf(answer, seen, passed)
  const limits = limitsIn(answer)
  const waitMs = waitOf(answer) ?? waitIn(seen.error)
  const ids = idsOf(answer, seen.error)
  const faults = statusFindings(seen, who)
  const findings = [
    ...wayOf(passed, who),
    ...faults,
    ...bodyFindings(seen, faults),
    ...limits.map((limit) => note(`rate limit: ${limitInWords(limit)}`)),
    ...(waitMs === undefined ? [] : [note(`it asks to wait ${timeIn(waitMs)}`)]),
  ]
  const facts = {
    writer: who.writer,
    by: who.by,
    through: passed.map(({ name }) => name),
    ids: Object.fromEntries(ids),
    rate_limits: limits,
    wait_ms: waitMs ?? null,
  }
  return {
    report: reportOf('answer', startedAt, findings, facts),
    ...who,
    ids,
    limits,
    waitMs,
    retryable: seen.error?.retryable ?? who.means?.retryable ?? advised(seen),
    status: seen.status,
  }
}

/** The same, after an error of ours in a stream: the gateway had the last word. */
export function withStreamError(source: Source, error: ErrorBody | undefined): Source {
  if (error?.ours !== true) return source
  const { requestId, retryable } = error
  const ids = requestId === undefined ? [] : [['request_id', oneLine(requestId)] as const]
  return { ...source, ...ours(), ids: [...ids, ...source.ids], retryable }
}

function seenOf(answer: Answer, decoded: Buffer): Seen {
  const { status = 0 } = answer
  const text = decoded.toString('utf8')
  const error = errorIn(jsonIn(text))
  return {
    status,
    field: (name) => valueOf(answer, name) ?? '',
    text: text.slice(0, MOST_TEXT),
    // An answer that is no error may have members of these names.
    error: status >= 400 ? error : undefined,
  }
}

type Who = Pick<Source, 'writer' | 'by' | 'logs' | 'ours'> & Written

function writerOf(answer: Answer, seen: Seen, passed: readonly Mark[]): Who {
  const lines = valuesOf(answer, 'proxy-status')
  const told = proxyFailure(lines)
  if (seen.error?.ours) return { ...ours(lastProxy(lines)), told, means: undefined }
  const author = passed.find((mark) => mark.wrote(seen))
  const mark = author ?? passed.find(({ role }) => role === 'origin')
  const means = author?.means?.(seen)
  // Whoever tells of a failure is a gateway.
  if (told) return { writer: told.proxy, by: 'gateway', logs: mark?.logs, ours: false, told, means }
  const { name: writer, role: by, logs } = mark ?? UNKNOWN
  return { writer, by, logs, ours: false, told, means }
}

/** The name that the gateway has been given stands in `Proxy-Status`. */
const ours = (name?: string) =>
  ({
    writer: name === undefined ? 'good-gateway' : `good-gateway "${name}"`,
    by: 'gateway',
    logs: 'the log of the gateway',
    ours: true,
  }) as const

const UNKNOWN = { name: 'the server', role: 'unknown', logs: undefined } as const

/** What the official clients of OpenAI and Anthropic obey. */
function advised({ field }: Seen): boolean | undefined {
  const word = field('x-should-retry')
  return word === 'true' || word === 'false' ? word === 'true' : undefined
}

function wayOf(passed: readonly Mark[], { ours: isOurs, told }: Who): Finding[] {
  if (passed.length > 0)
    return [note(`it came through ${passed.map(({ name }) => name).join(', ')}`)]
  return isOurs || told ? [] : [note('no known gateway has left marks')]
}

/** What format the body has, and its message where the fault before has not said it. */
function bodyFindings({ status, error, text }: Seen, faults: readonly Finding[]): Finding[] {
  if (status < 400) return []
  if (error === undefined) return /^\s*</.test(text) ? [note('the body is a page of HTML')] : []
  const { format, message = '', said, issues } = error
  const name = said === undefined ? '' : `: ${oneLine(said)}`
  const isSaid = faults.some((each) => each.text.includes(clause(message)))
  return [
    note(`the body is ${format}${name}${isSaid ? '' : `: ${clause(message)}`}`),
    ...issues.map((issue) => note(oneLine(issue))),
  ]
}

const waitIn = (error: ErrorBody | undefined): number | undefined =>
  error?.retryAfter === undefined ? undefined : error.retryAfter * 1000

function idsOf(answer: Answer, error: ErrorBody | undefined): [string, string][] {
  const found = IDS.flatMap((name): [string, string][] => {
    const value = valueOf(answer, name)
    return value === undefined ? [] : [[name, oneLine(value)]]
  })
  const id = error?.requestId
  const isNew = id !== undefined && !found.some(([, value]) => value === id)
  return isNew ? [['request_id', oneLine(id)], ...found] : found
}
