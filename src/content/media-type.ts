import type { IncomingMessage } from 'node:http'
import { parse } from 'content-type'
import { GatewayError } from '../errors/gateway-error.js'

const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const PARAMETER = `${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`
/** One media type with its parameters (RFC 9110, section 8.3.1), and nothing that a reader takes for a second. */
const FIELD = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;(?:[ \\t]*${PARAMETER})?)*[ \\t]*$`)

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/
const SUFFIX = /^\+[\w!#$&^.-]+$/
const JSON_TYPE = /(?:\/|\+)json$/

const FORM_TYPE = 'application/x-www-form-urlencoded'

/** How a body is read; undefined when it is not. */
export type BodyKind = 'json' | 'form' | undefined

/** The Content-Type of a request that is accepted. */
export interface Accepted {
  /** The entry of the list that it matches. */
  readonly listed: string
  readonly kind: BodyKind
}

/**
 * Checks the option `contentType`: `type/subtype`, or `+suffix` for a family; all of them JSON, or
 * forms.
 *
 * @throws {TypeError} for anything else.
 */
export function checkContentTypes(types: readonly string[]): void {
  for (const type of types) {
    const known = typeof type === 'string' && (MEDIA_TYPE.test(type) || SUFFIX.test(type))
    if (!known || kindOf(type.toLowerCase()) === undefined)
      throw new TypeError(
        `validate: contentType ${JSON.stringify(type)} is not a JSON media type; ` +
          `write 'application/json', 'application/x+json' or '+json', or '${FORM_TYPE}' for forms.`,
      )
  }
}

const kindOf = (type: string): BodyKind =>
  JSON_TYPE.test(type) ? 'json' : type === FORM_TYPE ? 'form' : undefined

/**
 * The Content-Type of a request when it is one of `types`, which come in lower case, or the reason
 * to refuse it.
 *
 * Parameters are allowed, but a charset must be UTF-8, the only one of JSON. Two fields, or two
 * charsets in one, are refused, because an upstream might believe the other.
 */
export function readContentType(
  req: Pick<IncomingMessage, 'rawHeaders'>,
  types: readonly string[],
): Accepted | GatewayError {
  const [field, ...others] = fieldsOf(req.rawHeaders, 'content-type')
  if (field === undefined)
    return refusal(types, 'The request has a body but no Content-Type; see the Accept header.')
  if (others.length > 0) return refusal(types, 'The request has more than one Content-Type.')
  if (!FIELD.test(field))
    return refusal(types, 'The Content-Type of the request is not well-formed.')
  const { type, parameters } = parse(field)
  const listed = types.find((range) => matches(type, range))
  if (listed === undefined) return refusal(types)
  const kind = kindOf(type)
  const { charset } = parameters
  const mentions = field.match(/charset/gi)?.length ?? 0
  const isUtf8 = mentions === 0 || (mentions === 1 && /^utf-?8$/i.test(charset ?? ''))
  if (isUtf8 || kind === undefined) return { listed, kind }
  return refusal(types, 'The charset of this body must be utf-8.')
}

/** The reason to refuse the Content-Type of a request, undefined when it is one of `types`. */
export function refuseContentType(
  req: Pick<IncomingMessage, 'rawHeaders'>,
  types: readonly string[],
): GatewayError | undefined {
  const read = readContentType(
    req,
    types.map((type) => type.toLowerCase()),
  )
  return GatewayError.is(read) ? read : undefined
}

function matches(type: string, range: string): boolean {
  if (range === '*/*') return true
  if (range.endsWith('/*')) return type.startsWith(range.slice(0, -1))
  return range.startsWith('+') ? MEDIA_TYPE.test(type) && type.endsWith(range) : type === range
}

/** The most specific range first, so that it wins. */
export function bySpecificity(a: string, b: string): number {
  return weight(a) - weight(b)
}

function weight(range: string): number {
  if (range === '*/*') return 3
  return range.endsWith('/*') ? 2 : Number(range.startsWith('+'))
}

/** All values of a field, as they came; `headers` would keep only the first. */
function fieldsOf(raw: readonly string[], name: string): string[] {
  return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name)
}

function refusal(types: readonly string[], detail?: string): GatewayError {
  // A suffix alone is no media range (RFC 9110, section 12.5.1).
  const accept = types.map((type) => (type.startsWith('+') ? `application/*${type}` : type))
  return new GatewayError('unsupported_media_type', {
    ...(detail !== undefined && { detail }),
    headers: { Accept: accept.join(', ') },
  })
}
