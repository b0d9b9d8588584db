import type { BodyRules } from './options.js'
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors/gateway-error.js'
import { announcedLength } from '../content/framing.js'
import { peekBody } from '../exchange/body.js'
import type { Exchange } from '../exchange/exchange.js'
import { checkParameters, type Checked } from './coerce.js'
import type { Checker } from './schema/compile.js'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import { type BodyKind, readContentType, refuseContentType } from '../content/media-type.js'
import { parseForm } from '../content/form.js'
import type { Issues } from './issues/issues.js'
import { isBlank, parseJson } from '../content/json.js'
import { decodeUtf8, type Utf8 } from '../content/utf8.js'

/** What is expected of the body of a request. */
export interface BodyPlan {
  readonly required: boolean
  /** Media types and ranges in lower case, the most specific first. */
  readonly types: readonly string[]
  /** A checker for each of them; what has none passes unread. */
  readonly checkers: ReadonlyMap<string, Checker | undefined>
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

/** The reason to refuse the head of a request that has a body, before the body is read. */
export function refuseHead(
  req: Head,
  { contentType }: Pick<BodyRules, 'contentType'>,
): GatewayError | undefined {
  return (
    refuseContentType(req, contentType) ??
    refuseEncoding(req.headers['content-encoding']?.toString())
  )
}

/**
 * Parses the bytes of a body, whose head was not refused, into a value for checking.
 *
 * @throws {GatewayError} `content_too_large`, `request_malformed`, or `request_invalid` when there is
 *   nothing but white space.
 */
export async function parseBody(
  bytes: Buffer,
  req: Head,
  rules: Pick<BodyRules, 'limit' | 'maxDepth'>,
): Promise<unknown> {
  const content = await contentOf(bytes, req, rules)
  return parseJson(content, rules.maxDepth)
}

async function contentOf(
  encoded: Buffer,
  req: Head,
  { limit }: Pick<BodyRules, 'limit'>,
): Promise<Utf8> {
  const encoding = req.headers['content-encoding']?.toString()
  const content = decodeUtf8(await decodeContent(encoded, encoding, limit))
  if (isBlank(content.text)) throw bodyRequired()
  return content
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
  refuseTransferCoding(req)
  const way = wayToRead(req, plan)
  if (way === undefined) return {}
  if (GatewayError.is(way)) {
    if (announced > 0 || !(await isEmpty(exchange, rules))) throw way
    return withoutBody(req, plan)
  }
  const bytes = await peekBody(exchange, {
    limit: rules.limit,
    timeout: rules.bodyTimeout,
    place: rules,
  })
  if (bytes.length === 0) return withoutBody(req, plan)
  return way(await contentOf(bytes, req, rules), rules)
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

/** Node undoes chunks only; whoever undoes more reads another body (RFC 9112, section 6.1). */
function refuseTransferCoding({ headers }: IncomingMessage): void {
  const coding = headers['transfer-encoding']?.trim().toLowerCase()
  if (coding === undefined || coding === 'chunked') return
  throw new GatewayError('unsupported_content_encoding', {
    detail: 'This route does not accept the Transfer-Encoding of the request.',
  })
}

function withoutBody({ method }: IncomingMessage, { required }: BodyPlan): CheckedBody {
  if (!required || mayLackBody(method)) return {}
  throw bodyRequired()
}

type Way = (content: Utf8, rules: BodyRules) => CheckedBody

/** How the body is read and checked, the reason to refuse it, or undefined when it passes unread. */
function wayToRead(req: Head, { types, checkers }: BodyPlan): Way | GatewayError | undefined {
  const accepted = readContentType(req, types)
  if (GatewayError.is(accepted)) return accepted
  const { listed, kind } = accepted
  const checker = checkers.get(listed)
  if (kind === undefined || checker === undefined) return undefined
  const refusal = refuseEncoding(req.headers['content-encoding']?.toString())
  return refusal ?? ((content, rules) => checked(checker, readers[kind](content, checker, rules)))
}

type Reader = (content: Utf8, checker: Checker, rules: BodyRules) => Checked<unknown>

const readers: Readonly<Record<NonNullable<BodyKind>, Reader>> = {
  json: (content, { check }, { maxDepth }) => {
    const value = parseJson(content, maxDepth)
    return { value, errors: check(value) }
  },
  // The fields of a form are strings, like those of a query.
  form: ({ text }, { check }) => checkParameters(check, parseForm(text), (value) => [value]),
}

function checked(checker: Checker, { value, errors }: Checked<unknown>): CheckedBody {
  return { value, issues: errors && checker.explain(errors, value) }
}
