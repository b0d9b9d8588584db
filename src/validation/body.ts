import type { BodyRules } from './options.js'
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors/gateway-error.js'
import { announcedLength } from '../content/framing.js'
import { peekBody } from '../exchange/body.js'
import type { Exchange } from '../exchange/exchange.js'
import { checkParameters, type Checked } from './coerce.js'
import type { Checker } from './schema/compile.js'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import {
  type BodyKind,
  type MediaRange,
  readContentType,
  refuseType,
} from '../content/media-type.js'
import { parseForm } from '../content/form.js'
import type { Issues } from './issues/issues.js'
import { decodeUtf8, isBlank, parseJson } from '../content/json.js'

/** What is expected of the body of a request. */
export interface BodyPlan {
  readonly required: boolean
  /** Media types and ranges, in the order in which they are tried. */
  readonly types: readonly MediaRange[]
  /** A checker for each of them; what has none passes unread. */
  readonly checkers: ReadonlyMap<MediaRange, Checker | undefined>
}

/** A body that was checked. */
export interface CheckedBody {
  readonly value?: unknown
  readonly issues?: Issues | undefined
}

type Head = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/** Whether a request without content passes a body schema (RFC 9110, section 9.3). */
export function mayLackBody(method = 'GET'): boolean {
  return BODILESS.has(method)
}

async function textOf(bytes: Buffer, req: Head, { limit }: Pick<BodyRules, 'limit'>) {
  const encoding = req.headers['content-encoding']?.toString()
  const text = decodeUtf8(await decodeContent(bytes, encoding, limit))
  if (isBlank(text)) throw bodyRequired()
  return text
}

/** The error of a request whose body is absent, empty or blank. */
export function bodyRequired(): GatewayError {
  return new GatewayError('request_invalid', {
    errors: [{ in: 'body', pointer: '#', code: 'required', detail: 'A body is required.' }],
  })
}

/**
 * Reads and checks the body of a request; neither a value nor issues when there is none and none is
 * needed, or its type is one that is not read.
 *
 * @throws {GatewayError} for a body that is refused before its schema is asked.
 */
export async function checkBody(
  exchange: Exchange,
  plan: BodyPlan,
  rules: BodyRules,
): Promise<CheckedBody> {
  const { req } = exchange
  const announced = announcedLength(req)
  if (announced === 0) return withoutBody(req, plan)
  refuseFraming(req)
  const way = wayToRead(req, plan)
  if (typeof way !== 'function') {
    const mayBeEmpty = !(announced > 0) && (plan.required || way !== undefined)
    if (mayBeEmpty && (await isEmpty(exchange, rules))) return withoutBody(req, plan)
    if (way !== undefined) throw way
    return {}
  }
  const bytes = await peekBody(exchange, {
    limit: rules.limit,
    timeout: rules.bodyTimeout,
    place: rules,
  })
  if (bytes.length === 0) return withoutBody(req, plan)
  return way(await textOf(bytes, req, rules), rules)
}

/** Waits for the first byte only: a body that is refused by its head need not arrive. */
async function isEmpty(exchange: Exchange, rules: BodyRules): Promise<boolean> {
  try {
    return (
      (await peekBody(exchange, { limit: 0, timeout: rules.bodyTimeout, place: rules })).length ===
      0
    )
  } catch (error) {
    if (GatewayError.is(error) && error.code === 'content_too_large') return false
    throw error
  }
}

const FRAMING = new Set(['content-length', 'content-type', 'content-encoding', 'transfer-encoding'])

/** What says where a body ends, and how it is read, must be said in one way only. */
function refuseFraming({ headers, rawHeaders }: IncomingMessage): void {
  const coding = headers['transfer-encoding']?.trim().toLowerCase()
  // Node undoes chunks only; whoever undoes more reads another body (RFC 9112, section 6.1).
  if (coding !== undefined && coding !== 'chunked')
    throw new GatewayError('unsupported_content_encoding', {
      detail: 'This route does not accept the Transfer-Encoding of the request.',
    })
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  const lengths = names.filter((name) => name === 'content-length').length
  // Only a lenient parser lets these through (RFC 9112, section 6.3).
  if (lengths > 1 || (lengths === 1 && coding !== undefined))
    throw ambiguousFraming('says in two ways where its body ends')
  if (names.some((name) => name.includes('_') && FRAMING.has(name.replaceAll('_', '-'))))
    throw ambiguousFraming('has a field that may be taken for one that describes its body')
}

const ambiguousFraming = (fault: string): GatewayError =>
  new GatewayError('request_malformed', { detail: `The request ${fault}.` })

function withoutBody({ method }: IncomingMessage, { required }: BodyPlan): CheckedBody {
  if (!required || mayLackBody(method)) return {}
  throw bodyRequired()
}

type Way = (text: string, rules: BodyRules) => CheckedBody

/** How the body is read and checked, the reason to refuse it, or undefined when it passes unread. */
function wayToRead(req: Head, { types, checkers }: BodyPlan): Way | GatewayError | undefined {
  const accepted = readContentType(req, types)
  if (GatewayError.is(accepted)) return accepted
  const { range, kind } = accepted
  const checker = checkers.get(range)
  if (checker === undefined) return undefined
  // Under a range whatever can be read is checked, and what cannot would be a way around the schema.
  if (kind === undefined) return range.type.includes('*') ? refuseType(types) : undefined
  const refusal = refuseEncoding(req.headers['content-encoding']?.toString())
  return refusal ?? ((text, rules) => checked(checker, readers[kind](text, checker, rules)))
}

type Reader = (text: string, checker: Checker, rules: BodyRules) => Checked<unknown>

const readers: Readonly<Record<BodyKind, Reader>> = {
  json: (text, { check }, { maxDepth }) => {
    const value = parseJson(text, maxDepth)
    return { value, errors: check(value) }
  },
  // The fields of a form are strings, like those of a query.
  form: (text, { check }) => checkParameters(check, parseForm(text), (value) => [value]),
}

function checked(checker: Checker, { value, errors }: Checked<unknown>): CheckedBody {
  return { value, issues: errors && checker.explain(errors, value) }
}
