import type { OutgoingHttpHeaders } from 'node:http'
import { GatewayError, type Issue } from '../errors/gateway-error.js'
import type { Exchange, Follower } from '../exchange/exchange.js'
import type { ResponseCheck } from '../response/buffered.js'
import type { Head } from '../response/head.js'
import type { Review } from '../exchange/review.js'
import { upstreamError } from '../exchange/explain.js'
import { answerBroken, hasOwnContent, isEventStream, replaceResponse } from '../exchange/replace.js'
import { startObserver } from '../observer/start.js'
import { observe, watch } from '../observer/watch.js'
import { type Checker, compile, type Schema } from './schema/compile.js'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import { jsonRanges, type MediaRange, readContentType } from '../content/media-type.js'
import { parseJson } from '../content/json.js'
import { decodeUtf8 } from '../content/utf8.js'
import type { Settings } from './options.js'
import { checkPairs, type PartPlan } from './pairs.js'
import { report } from './report.js'

/** Schemas of the JSON body of a response, by its status: `200`, `'2xx'`, `default`. */
export type ResponseSchemas = Readonly<Record<string | number, Schema | undefined>>

/** Runs the rest of a request and checks the response that it brings, before its head goes out. */
export type ResponseGuard = (exchange: Exchange, next: () => Promise<unknown>) => Promise<unknown>

/** What a response of one status must be. */
export interface ResponsePlan {
  /** Its media types, in the order in which they are tried; none where any will do. */
  readonly types: readonly MediaRange[]
  /** The schemas of those that are checked. */
  readonly checkers: ReadonlyMap<MediaRange, Checker | undefined>
  /** Its header fields. */
  readonly headers?: PartPlan | undefined
}

/** Plans by status: `200`, `2xx`, `default`. */
export type ResponsePlans = ReadonlyMap<string, ResponsePlan>

/** A part of a whole (RFC 9110, section 15.3.7). */
const PARTIAL = 206

/**
 * Prepares the check of responses.
 *
 * @throws {TypeError} naming the status and the fix.
 */
export function responseGuard(schemas: ResponseSchemas, settings: Settings): ResponseGuard {
  return guardBy(compileAll(schemas, settings), settings)
}

/** The check of responses against what was compiled before. */
export function guardBy(plans: ResponsePlans, settings: Settings): ResponseGuard {
  startObserver()
  return (exchange, next) => {
    watch(exchange)
    exchange.follow(holdForCheck(exchange, plans, settings))
    return observe(exchange, next)
  }
}

function compileAll(schemas: ResponseSchemas, settings: Settings): ResponsePlans {
  const given = typeof schemas === 'object' && schemas !== null ? Object.entries(schemas) : []
  const plans = new Map<string, ResponsePlan>()
  const types = jsonRanges(settings.contentType)
  for (const [status, schema] of given) {
    if (!/^(?:[1-5]\d\d|[1-5]xx|default)$/i.test(status))
      throw new TypeError(
        `validate: response: ${JSON.stringify(status)} is no status; use 200, '2xx' or default.`,
      )
    if (schema === undefined) continue
    const checker = compile('response', schema, settings, `response ${status}`)
    const checkers = new Map(types.map((range) => [range, checker]))
    plans.set(status.toLowerCase(), { types, checkers })
  }
  if (plans.size > 0) return plans
  throw new TypeError('validate: response: no schema given; pass for example { 200: schema }.')
}

/** Looks at the head, and has the body held where it is to be checked. */
function holdForCheck(exchange: Exchange, plans: ResponsePlans, settings: Settings): Follower {
  const headers = { ...exchange.res.getHeaders() }
  return {
    review(_, head): Review {
      const { status } = head
      if (exchange.response.settled || status === undefined || passesBy(exchange, head, settings))
        return undefined
      const ofStatus = plans.get(String(status)) ?? plans.get(`${Math.trunc(status / 100)}xx`)
      const plan = ofStatus ?? plans.get('default')
      // Errors and redirections that are not described are not promised either.
      if (plan === undefined && status >= 300) return undefined
      const found = plan ? lookAt(head, plan) : statusIssue(status)
      if ('code' in found)
        return refused(exchange, broken(exchange, [found]), { headers, settings })
      return found.checker && checkOf(found.checker, { exchange, head, headers, settings })
    },
  }
}

/** What is wrong with a head, or how the body behind it is checked. */
function lookAt(head: Head, { types, checkers, headers }: ResponsePlan): Issue | Found {
  const fault = headers && headerIssue(head, headers)
  if (fault) return fault
  if (types.length === 0) return {}
  const type = head.header('content-type')
  const rawHeaders = type === undefined ? [] : ['content-type', type]
  const read = readContentType({ rawHeaders }, types)
  if (GatewayError.is(read)) return typeIssue(types)
  return { checker: read.kind === 'json' ? checkers.get(read.range) : undefined }
}

interface Found {
  readonly checker?: Checker | undefined
}

/** Of a list of types it is enough to say that this is none of them. */
const typeIssue = (types: readonly MediaRange[]): Issue =>
  types.every(({ kind }) => kind === 'json')
    ? root('contentMediaType', 'must be JSON, and say so in Content-Type')
    : root('contentMediaType', 'must have a Content-Type that is described')

function headerIssue(head: Head, plan: PartPlan): Issue | undefined {
  const raw = [...(plan.checker.place?.names ?? [])].flatMap((name) => {
    const value = head.header(name)
    return value === undefined ? [] : [[name, value] as [string, string]]
  })
  const rules = { in: 'headers', names: undefined, split: (text: string) => [text] } as const
  const [issue] = checkPairs(new Map(raw), plan, rules).issues?.errors ?? []
  return issue && root(issue.code, `the header field ${JSON.stringify(issue.name)} ${issue.detail}`)
}

interface Scene {
  readonly exchange: Exchange
  readonly head: Head
  readonly headers: OutgoingHttpHeaders
  readonly settings: Settings
}

function checkOf(checker: Checker, scene: Scene): ResponseCheck {
  const { exchange, headers, settings } = scene
  return {
    limit: settings.limit,
    headers,
    broken: (error) => answerBroken(exchange, error),
    judge: async (body) => {
      const fault = await findFault(body, checker, scene)
      return fault && refused(exchange, fault, scene)
    },
  }
}

/** The answer in place of a response; none where it is only reported. */
function refused(
  exchange: Exchange,
  error: GatewayError,
  { headers, settings }: Pick<Scene, 'headers' | 'settings'>,
): (() => void) | undefined {
  if (settings.mode === 'enforce') return () => replaceResponse(exchange, error, headers)
  report(exchange, error)
  return undefined
}

/** Whether there is nothing to check, or it cannot be held. */
function passesBy(exchange: Exchange, head: Head, { limit }: Settings): boolean {
  if (!hasOwnContent(exchange, head) || head.status === PARTIAL) return true
  return Number(head.header('content-length')) > limit || isEventStream(head)
}

/** What is wrong with a whole response; undefined when it is as promised, or cannot be read here. */
async function findFault(
  body: Buffer,
  checker: Checker,
  { exchange, head, settings }: Scene,
): Promise<GatewayError | undefined> {
  const encoding = head.header('content-encoding')
  if (refuseEncoding(encoding)) return undefined
  let value: unknown
  try {
    const bytes = await decodeContent(body, encoding, settings.limit)
    value = parseJson(decodeUtf8(bytes), settings.maxDepth)
  } catch (error) {
    if (!GatewayError.is(error)) throw error
    if (error.code === 'content_too_large') return undefined
    return broken(exchange, [root('format', 'must be valid JSON')], { cause: error })
  }
  const found = checker.check(value)
  if (found === undefined) return undefined
  const { errors, truncated } = checker.explain(found, value, { size: body.length })
  return broken(exchange, withoutNames(errors), {
    // For the log, which may know all.
    cause: new Error(errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ')),
    ...(truncated && { errorsTruncated: true }),
  })
}

const SURPLUS: ReadonlySet<string> = new Set([
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
])

/** A member that the schema does not know is not for the client, not even its name. */
function withoutNames(errors: readonly Issue[]): readonly Issue[] {
  const shown = errors.map((issue) =>
    SURPLUS.has(issue.code)
      ? {
          ...issue,
          pointer: issue.pointer?.replace(/\/[^/]*$/, '') ?? '#',
          detail: 'must have no member that is not described',
        }
      : issue,
  )
  return [...new Map(shown.map((issue) => [`${issue.pointer} ${issue.code}`, issue])).values()]
}

const root = (code: string, detail: string): Issue => ({
  in: 'response',
  pointer: '#',
  code,
  detail,
})

const statusIssue = (status: number): Issue =>
  root('status', `has the status ${status}, which is not described`)

function broken(
  exchange: Exchange,
  errors: readonly Issue[],
  more: { cause?: unknown; errorsTruncated?: true } = {},
): GatewayError {
  return upstreamError(exchange, 'upstream_response_invalid', { ...more, errors })
}
