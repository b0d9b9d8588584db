import { isPromise } from '../common/callback.js'
import { type Later, whenKnown } from '../common/later.js'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import { parseExactJson } from '../content/exact-json.js'
import { decodeUtf8 } from '../content/utf8.js'
import type { Code } from '../errors/codes.js'
import { describe, GatewayError } from '../errors/gateway-error.js'
import { upstreamError } from '../exchange/explain.js'
import { type Edits, editsOf, type Kind } from './change.js'
import type { ResponseHead, Transformer } from './types.js'

/** A response as it came, its body whole, in the content coding that `headers` tell. */
export interface GivenResponse extends ResponseHead {
  readonly bytes: Buffer
}

/** What is known of the upstream. */
export interface Named {
  readonly upstream: string | undefined
}

/** What is known of the upstream, and the bound of its body. */
export interface ResponseRules extends Named {
  /** Most bytes of the body, once it is decoded. */
  readonly limit: number
}

/** More than any API sends; what is deeper may be too deep to be written. */
const DEEPEST = 512

// prettier-ignore
const RESPONSE: Kind = {
  members: ['status'],
  stale: [
    'content-encoding', 'transfer-encoding', 'etag', 'last-modified', 'accept-ranges', 'content-range',
    'digest', 'content-md5', 'content-digest', 'repr-digest', 'trailer',
  ],
}

/**
 * What a transformer makes of a response; undefined where it stays as it is.
 *
 * @throws {GatewayError} `upstream_response_too_large`, `upstream_encoding_invalid`, and
 *   `upstream_response_invalid` for whatever else the transformer cannot do with it; those that it
 *   throws itself as they are.
 */
export function changeResponse(
  transformer: Transformer,
  given: GivenResponse,
  rules: ResponseRules,
): Later<Edits | undefined> {
  if (transformer.response === undefined) return undefined
  const encoding = given.headers['content-encoding']
  const isPlain = encoding === undefined || given.bytes.length === 0
  const bytes = isPlain ? given.bytes : decoded(given.bytes, encoding, rules)
  return whenKnown(bytes, (plain) => translated(transformer, { ...given, bytes: plain }, rules))
}

function translated(
  transformer: Transformer,
  { status, headers, bytes }: GivenResponse,
  named: Named,
): Later<Edits | undefined> {
  const edits = (returned: unknown) => editsOf(returned, RESPONSE, headers['content-type'])
  const refuse = (error: unknown): never => {
    throw untranslated(error, named)
  }
  try {
    const json = () => parsed(bytes, named)
    const returned: unknown = transformer.response?.({ status, headers, bytes, json })
    return isPromise(returned)
      ? Promise.resolve(returned).then(edits).catch(refuse)
      : edits(returned)
  } catch (error) {
    return refuse(error)
  }
}

async function decoded(
  bytes: Buffer,
  encoding: string,
  { limit, ...named }: ResponseRules,
): Promise<Buffer> {
  if (refuseEncoding(encoding)) throw upstreamError(named, 'upstream_encoding_invalid')
  try {
    return await decodeContent(bytes, encoding, limit)
  } catch (cause) {
    const isLarge = GatewayError.is(cause) && cause.code === 'content_too_large'
    const code: Code = isLarge ? 'upstream_response_too_large' : 'upstream_encoding_invalid'
    throw upstreamError(named, code, { cause })
  }
}

function parsed(bytes: Buffer, named: Named): unknown {
  try {
    return parseExactJson(decodeUtf8(bytes), DEEPEST)
  } catch (error) {
    throw invalid(named, 'sent JSON that is not valid', error)
  }
}

/** The error of a response, or of an event, that cannot be translated; one of ours is as it is. */
export function untranslated(error: unknown, named: Named): GatewayError {
  if (GatewayError.is(error)) return error
  return invalid(named, 'sent a response that could not be translated', error)
}

function invalid(named: Named, fault: string, cause: unknown): GatewayError {
  const detail = describe({ detail: `{upstream} ${fault}.` }, named.upstream)
  return upstreamError(named, 'upstream_response_invalid', { detail, cause })
}
