import type { BodyRules, Settings } from './options.js'
import type { IncomingMessage } from 'node:http'
import { GatewayError, withoutStack } from '../errors/gateway-error.js'
import { announcedLength } from '../content/framing.js'
import { largerThan, peekBody } from '../exchange/body.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Checker } from './schema/compile.js'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import {
  type BodyKind,
  type MediaRange,
  readContentType,
  refuseType,
} from '../content/media-type.js'
import { parseForm } from '../content/form.js'
import { refuseFraming } from '../content/strict-framing.js'
import { checkPairs, type PartPlan } from './pairs.js'
import { fragmentOf } from '../content/pointer.js'
import { lookalike, memberLookalikes } from './lookalikes.js'
import type { Issues } from './issues/issues.js'
import { isBlank, parseJson } from '../content/json.js'
import { decodeUtf8, type Utf8 } from '../content/utf8.js'

/** What is expected of the body of a request. */
export interface BodyPlan {
  readonly required: boolean
  /** Media types and ranges, in the order in which they are tried. */
  readonly types: readonly MediaRange[]
  /** How what has each of them is checked; what has no plan passes unread. */
  readonly plans: ReadonlyMap<MediaRange, PartPlan | undefined>
}

/** A body that was checked. */
export interface CheckedBody {
  readonly value?: unknown
  readonly issues?: Issues | undefined
  /** Why it was refused before its schema was asked. */
  readonly error?: GatewayError | undefined
}

type Head = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/** Whether a request without content passes a body schema (RFC 9110, section 9.3). */
function mayLackBody(method = 'GET'): boolean {
  return BODILESS.has(method)
}

/** The text of a body; a promise only where its content coding must be undone. */
function contentOf(bytes: Buffer, req: Head, limit: number): Utf8 | Promise<Utf8> {
  const encoding = req.headers['content-encoding']?.toString()
  if (encoding === undefined) return readable(bytes)
  return decodeContent(bytes, encoding, limit).then(readable)
}

function readable(bytes: Buffer): Utf8 {
  const content = decodeUtf8(bytes)
  if (isBlank(content.text)) throw bodyRequired()
  return content
}

/** The error of a request whose body is absent, empty or blank. */
function bodyRequired(): GatewayError {
  return withoutStack('request_invalid', {
    errors: [{ in: 'body', pointer: '#', code: 'required', detail: 'A body is required.' }],
  })
}

/**
 * Reads and checks the body of a request; neither a value nor issues when there is none and none is
 * needed, or its type is one that is not read.
 */
export function checkBody(
  exchange: Exchange,
  plan: BodyPlan,
  rules: BodyRules & Pick<Settings, 'mode'>,
): CheckedBody | Promise<CheckedBody> {
  const { req } = exchange
  try {
    const announced = announcedLength(req)
    if (announced === 0) return withoutBody(req, plan)
    refuseFraming(req)
    const way = wayToRead(req, plan)
    if (typeof way !== 'function') {
      const mayBeEmpty = !(announced > 0) && (plan.required || way !== undefined)
      return mayBeEmpty ? unlessEmpty(exchange, plan, { rules, error: way }) : { error: way }
    }
    // Where it is only reported, those behind are told by the reader whose limit it is.
    const isOver = announced > rules.limit && exchange.body === undefined
    if (isOver && rules.mode === 'enforce') return { error: largerThan(announced, rules.limit) }
    const check = (bytes: Buffer) => checkBytes(bytes, { req, plan, rules, way })
    return wholeBody(exchange, rules).then(check, failedCheck)
  } catch (error) {
    return failedCheck(error)
  }
}

/** What the answer to a body is that could not be read; a defect of our own is thrown. */
function failedCheck(error: unknown): CheckedBody {
  if (GatewayError.is(error)) return { error }
  throw error
}

/** A body that is not read may be absent after all. */
async function unlessEmpty(
  exchange: Exchange,
  plan: BodyPlan,
  { rules, error }: { rules: BodyRules; error: GatewayError | undefined },
): Promise<CheckedBody> {
  try {
    return (await isEmpty(exchange, rules)) ? withoutBody(exchange.req, plan) : { error }
  } catch (refusal) {
    return failedCheck(refusal)
  }
}

interface Reading {
  readonly req: IncomingMessage
  readonly plan: BodyPlan
  readonly rules: BodyRules
  readonly way: Way
}

function checkBytes(
  bytes: Buffer,
  { req, plan, rules, way }: Reading,
): CheckedBody | Promise<CheckedBody> {
  try {
    if (bytes.length === 0) return withoutBody(req, plan)
    const content = contentOf(bytes, req, rules.limit)
    if (!(content instanceof Promise)) return way(content, rules)
    return content.then((text) => way(text, rules)).catch(failedCheck)
  } catch (error) {
    return failedCheck(error)
  }
}

/** Reads a body, and leaves it in the request. */
function wholeBody(exchange: Exchange, rules: BodyRules): Promise<Buffer> {
  return peekBody(exchange, { limit: rules.limit, timeout: rules.bodyTimeout, place: rules })
}

const isTooLarge = (error: unknown): boolean =>
  GatewayError.is(error) && error.code === 'content_too_large'

/** Waits for the first byte only: a body that is refused by its head need not arrive. */
async function isEmpty(exchange: Exchange, rules: BodyRules): Promise<boolean> {
  try {
    return (
      (await peekBody(exchange, { limit: 0, timeout: rules.bodyTimeout, place: rules })).length ===
      0
    )
  } catch (error) {
    if (isTooLarge(error)) return false
    throw error
  }
}

function withoutBody({ method }: IncomingMessage, { required }: BodyPlan): CheckedBody {
  if (!required || mayLackBody(method)) return {}
  throw bodyRequired()
}

type Way = (content: Utf8, rules: BodyRules) => CheckedBody

/** How the body is read and checked, the reason to refuse it, or undefined when it passes unread. */
function wayToRead(req: Head, { types, plans }: BodyPlan): Way | GatewayError | undefined {
  const accepted = readContentType(req, types)
  if (GatewayError.is(accepted)) return accepted
  const { range, kind } = accepted
  const plan = plans.get(range)
  if (plan === undefined) return undefined
  // Under a range whatever can be read is checked, and what cannot would be a way around the schema.
  if (kind === undefined) return range.type.includes('*') ? refuseType(types) : undefined
  const refusal = refuseEncoding(req.headers['content-encoding']?.toString())
  return refusal ?? ((content, rules) => readers[kind](content, plan, rules))
}

type Reader = (content: Utf8, plan: PartPlan, rules: BodyRules) => CheckedBody

const readers: Readonly<Record<BodyKind, Reader>> = {
  json: (content, { checker }, rules) => {
    const value = parseJson(content, rules.maxDepth)
    return { value, issues: judge(value, checker, { rules, size: content.text.length }) }
  },
  // The fields of a form are strings, like those of a query.
  form: ({ text }, plan, { lookalikes, maxDepth }) =>
    checkPairs(parseForm(text), plan, {
      in: 'body',
      names: lookalikes === 'refuse' ? 'form' : undefined,
      split: (item) => [item],
      ...(plan.spelling && { parse: (item) => parsedIn(item, maxDepth) }),
      size: text.length,
    }),
}

/** A field may be JSON where a document describes an object (OpenAPI 3.1, section 4.8.15.1). */
function parsedIn(text: string, maxDepth: number): unknown {
  try {
    return parseJson(decodeUtf8(Buffer.from(text)), maxDepth)
  } catch {
    return undefined
  }
}

interface Scene {
  readonly rules: BodyRules
  readonly size: number
}

/** What is wrong with a value: by its schema, by its names, and by what its schema checks itself. */
function judge(value: unknown, checker: Checker, { rules, size }: Scene): Issues | undefined {
  const errors = checker.check(value)
  if (errors) return checker.explain(errors, value, { size })
  const members =
    rules.lookalikes === 'refuse' ? memberLookalikes(value, checker.place, rules.maxErrors) : []
  const found = members.map(({ segments, meant }) =>
    lookalike({ in: 'body', pointer: fragmentOf(segments) }, meant),
  )
  const more = found.length > 0 ? found : (checker.refine?.(value) ?? [])
  return more.length > 0 ? { errors: more, truncated: false } : undefined
}
