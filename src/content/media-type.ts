import type { IncomingMessage } from 'node:http'
import { parse } from 'content-type'
import { GatewayError, withoutStack } from '../errors/gateway-error.js'

const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const PARAMETER = `${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`
/** One media type with its parameters (RFC 9110, section 8.3.1), and nothing that a reader takes for a second. */
const FIELD = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;(?:[ \\t]*${PARAMETER})?)*[ \\t]*$`)

const PARAMETERS = new RegExp(`;[ \\t]*(?:(${TOKEN})=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))?`, 'g')

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/
const SUFFIX = /^\+(?:[\w!#$&^.-]+-)?json$/
/** JSON by its name, its suffix, or under the names that AWS and browsers gave it. */
const JSON_TYPE = /(?:[/+]|\/x-)json$|^application\/(?:x-amz-json-1\.\d|csp-report)$/

const FORM_TYPE = 'application/x-www-form-urlencoded'

/** How a body is read. */
export type BodyKind = 'json' | 'form'

/** A media type or range that is accepted, parsed. */
export interface MediaRange {
  /** As it was listed. */
  readonly listed: string
  /** In lower case, without parameters; `+suffix` for a family. */
  readonly type: string
  /** The parameters that tell it from others of its type, with names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
  /** Whether another range has the same type, so that the parameters must be there. */
  readonly shared: boolean
  /** How what it matches is read; undefined where that has to tell itself. */
  readonly kind: BodyKind | undefined
}

/** The Content-Type of a request that is accepted. */
export interface Accepted {
  /** The entry of the list that it matches. */
  readonly range: MediaRange
  /** How the body is read; undefined when it cannot be. */
  readonly kind: BodyKind | undefined
}

/**
 * Checks the option `contentType`: `type/subtype`, or `+suffix` for a family. What is no form is
 * read as JSON, whatever it is called.
 *
 * @throws {TypeError} for anything else.
 */
export function checkContentTypes(types: readonly string[]): void {
  for (const type of types) {
    const known = typeof type === 'string' && (MEDIA_TYPE.test(type) || SUFFIX.test(type))
    if (!known || type.includes('*') || /^multipart\//i.test(type))
      throw new TypeError(
        `validate: contentType ${JSON.stringify(type)} is no media type of JSON or a form; ` +
          `write 'application/json', 'text/plain' or '+json', or '${FORM_TYPE}' for forms.`,
      )
  }
}

const kindOf = (type: string): BodyKind | undefined =>
  JSON_TYPE.test(type) ? 'json' : type === FORM_TYPE ? 'form' : undefined

/** The ranges of the option `contentType`, in their order. */
export const jsonRanges = (types: readonly string[]): readonly MediaRange[] =>
  types.map((listed) => {
    const type = listed.toLowerCase()
    const kind = type === FORM_TYPE ? 'form' : 'json'
    return { listed, type, parameters: new Map(), shared: false, kind }
  })

/** The media types and ranges of a document, the most specific first, so that it wins. */
export function mediaRanges(list: readonly string[]): readonly MediaRange[] {
  const read = list.map((listed) => {
    const { type, parameters } = parse(listed)
    // The charset is that of the transport, and says nothing about the schema.
    const telling = Object.entries(parameters).filter(([name]) => name !== 'charset')
    return { listed, type: type === '*' ? '*/*' : type, parameters: new Map(telling) }
  })
  return read
    .map((range) => ({
      ...range,
      shared: read.some((other) => other !== range && other.type === range.type),
      kind: range.type.includes('*') ? undefined : kindOf(range.type),
    }))
    .toSorted((a, b) => weight(a) - weight(b) || b.parameters.size - a.parameters.size)
}

function weight({ type }: MediaRange): number {
  if (type === '*/*') return 3
  return type.endsWith('/*') ? 2 : Number(type.includes('*'))
}

/**
 * The Content-Type of a request when one of the ranges has it, or the reason to refuse it.
 *
 * Parameters are allowed, but a charset must be UTF-8, the only one of JSON. Two fields, or a
 * parameter twice in one, are refused, because an upstream might believe the other.
 */
export function readContentType(
  req: Pick<IncomingMessage, 'rawHeaders'>,
  ranges: readonly MediaRange[],
): Accepted | GatewayError {
  const [field, other] = fieldsOf(req.rawHeaders, 'content-type')
  if (field === undefined)
    return refuseType(ranges, 'The request has a body but no Content-Type; see the Accept header.')
  if (other !== undefined) return refuseType(ranges, 'The request has more than one Content-Type.')
  const known = lastAccepted.get(ranges)
  if (known?.field === field) return known.accepted
  const accepted = readField(field, ranges)
  if (!GatewayError.is(accepted)) lastAccepted.set(ranges, { field, accepted })
  return accepted
}

/** The last one for each list of ranges: most clients of a route send the same. */
const lastAccepted = new WeakMap<
  readonly MediaRange[],
  { readonly field: string; readonly accepted: Accepted }
>()

function readField(field: string, ranges: readonly MediaRange[]): Accepted | GatewayError {
  if (!FIELD.test(field))
    return refuseType(ranges, 'The Content-Type of the request is not well-formed.')
  const names = [...field.matchAll(PARAMETERS)].map(([, name]) => name?.toLowerCase())
  const twice = names.find((name, at) => name !== undefined && names.indexOf(name) !== at)
  if (twice !== undefined)
    return refuseType(
      ranges,
      `The Content-Type of the request has the parameter ${twice.slice(0, 100)} twice.`,
    )
  const { type, parameters } = parse(field)
  const range = ranges.find((each) => matches(each, type, parameters))
  if (range === undefined) return refuseType(ranges)
  const kind = range.kind ?? kindOf(type)
  if (kind === undefined || isUtf8(field, parameters['charset'])) return { range, kind }
  return refuseType(ranges, 'The charset of this body must be utf-8.')
}

/** A charset that hides in another parameter may be found there. */
function isUtf8(field: string, charset = ''): boolean {
  const mentions = field.match(/charset/gi)?.length ?? 0
  return mentions === 0 || (mentions === 1 && /^utf-?8$/i.test(charset))
}

function matches(range: MediaRange, type: string, given: Record<string, unknown>): boolean {
  if (!hasType(range.type, type)) return false
  return [...range.parameters].every(([name, value]) => {
    const found = given[name]
    return found === undefined ? !range.shared : found === value
  })
}

function hasType(range: string, type: string): boolean {
  if (range === '*/*') return true
  if (range.startsWith('+')) return MEDIA_TYPE.test(type) && type.endsWith(range)
  const [before = '', after] = range.split('*')
  return after === undefined ? type === range : type.startsWith(before) && type.endsWith(after)
}

/** All values of a field, as they came; `headers` would keep only the first. */
function fieldsOf(raw: readonly string[], name: string): string[] {
  const found: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const key = raw[at] ?? ''
    if (key.length === name.length && key.toLowerCase() === name) found.push(raw[at + 1] ?? '')
  }
  return found
}

/** The error for a Content-Type that is none of the ranges. */
export function refuseType(ranges: readonly MediaRange[], detail?: string): GatewayError {
  // A suffix alone is no media range (RFC 9110, section 12.5.1).
  const accept = ranges.map(({ listed }) =>
    listed.startsWith('+') ? `application/*${listed}` : listed,
  )
  return withoutStack('unsupported_media_type', {
    ...(detail !== undefined && { detail }),
    headers: { Accept: accept.join(', ') },
  })
}
