import type { IncomingHttpHeaders } from 'node:http'
import { isPromise } from '../common/callback.js'
import { type Later, whenKnown } from '../common/later.js'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import { parseExactJson } from '../content/exact-json.js'
import { decodeUtf8 } from '../content/utf8.js'
import type { FieldEdit } from '../response/head.js'
import { type Edits, editsOf, type Kind } from './change.js'
import type { Transformer } from './types.js'

/** A request as it came, its body whole. */
export interface GivenRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** The body, in the content coding that `headers` tell. */
  readonly bytes: Buffer
}

/** Most levels of nesting, as in `validate`. */
const DEEPEST = 64

const REQUEST: Kind = {
  members: ['method', 'path'],
  stale: ['content-encoding', 'digest', 'content-md5', 'content-digest', 'repr-digest', 'expect'],
}

/** Methods of which no length says that there is no body (RFC 9110, section 8.6). */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/**
 * What a transformer makes of a request; undefined where it stays as it is.
 *
 * @param limit - Most bytes of the body, once it is decoded.
 * @throws {GatewayError} `unsupported_content_encoding`, `content_too_large` or `request_malformed` for
 *   a body that cannot be read.
 * @throws Whatever the transformer throws, and a TypeError for a change that cannot be written.
 */
export function changeRequest(
  transformer: Transformer,
  given: GivenRequest,
  limit: number,
): Later<Edits | undefined> {
  const before = transformer.response || transformer.events ? WHOLE_AND_PLAIN : NONE
  if (transformer.request === undefined) return withFields(before)
  return whenKnown(decoded(given, limit), (bytes) => {
    const { method, path, params, headers } = given
    const json = () => parseExactJson(decodeUtf8(bytes), DEEPEST)
    const returned: unknown = transformer.request?.({ method, path, params, headers, bytes, json })
    return isPromise(returned)
      ? Promise.resolve(returned).then((change) => allEdits(change, given, before))
      : allEdits(returned, given, before)
  })
}

/** What changes of a request, and of the fields that are changed in any case. */
function allEdits(
  returned: unknown,
  given: GivenRequest,
  before: readonly FieldEdit[],
): Edits | undefined {
  const edits = editsOf(returned, REQUEST, given.headers['content-type'])
  if (edits === undefined) return withFields(before)
  const { method, path } = edits
  // A proxy may lose the chunks of another method.
  const body = edits.body ?? (method === undefined ? undefined : given.bytes)
  const framing = body ? framed(body, method ?? given.method) : NONE
  return { method, path, body, fields: [...before, ...edits.fields, ...framing] }
}

const withFields = (fields: readonly FieldEdit[]): Edits | undefined =>
  fields.length === 0 ? undefined : { fields }

const NONE: readonly FieldEdit[] = []

/** A response that is to be changed must be whole, and in a form that can be read. */
const WHOLE_AND_PLAIN: readonly FieldEdit[] = [
  ['Accept-Encoding', 'identity'],
  ['Range', null],
  ['If-Range', null],
]

function decoded({ bytes, headers }: GivenRequest, limit: number): Buffer | Promise<Buffer> {
  const encoding = headers['content-encoding']
  if (bytes.length === 0 || encoding === undefined) return bytes
  const refusal = refuseEncoding(encoding)
  if (refusal) throw refusal
  return decodeContent(bytes, encoding, limit)
}

function framed({ length }: Buffer, method: string): readonly FieldEdit[] {
  const isSilent = length === 0 && BODILESS.has(method)
  return [
    ['Transfer-Encoding', null],
    ['Trailer', null],
    ['Content-Length', isSilent ? null : String(length)],
  ]
}
