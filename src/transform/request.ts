import type { IncomingHttpHeaders } from 'node:http'
import { isPromise } from '../common/callback.js'
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
export async function changeRequest(
  transformer: Transformer,
  given: GivenRequest,
  limit: number,
): Promise<Edits | undefined> {
  const before = askedFields(transformer)
  if (transformer.request === undefined) return before.length === 0 ? undefined : { fields: before }
  // Each promise costs a microsecond where requests have a context, on Node 20.
  const content = decoded(given, limit)
  const bytes = content instanceof Promise ? await content : content
  const view = { ...given, bytes, json: () => parseExactJson(decodeUtf8(bytes), DEEPEST) }
  const answer = transformer.request(view)
  const returned: unknown = isPromise(answer) ? await answer : answer
  const edits = editsOf(returned, REQUEST, given.headers['content-type'])
  if (edits === undefined) return before.length === 0 ? undefined : { fields: before }
  // A proxy may lose the chunks of another method.
  const body = edits.body ?? (edits.method === undefined ? undefined : given.bytes)
  const framing = body ? framed(body, edits.method ?? given.method) : []
  return { ...edits, body, fields: [...before, ...edits.fields, ...framing] }
}

/** A response that is to be changed must be whole, and in a form that can be read. */
const askedFields = ({ response, events }: Transformer): readonly FieldEdit[] =>
  response || events
    ? [
        ['Accept-Encoding', 'identity'],
        ['Range', null],
        ['If-Range', null],
      ]
    : []

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
