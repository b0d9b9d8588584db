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
 * @param limit - Most bytes of the body, once it is decoded.
 * @throws {GatewayError} `upstream_response_too_large`, `upstream_encoding_invalid`, and
 *   `upstream_response_invalid` for whatever else the transformer cannot do with it; those that it
 *   throws itself as they are.
 */
export async function changeResponse(
  transformer: Transformer,
  given: GivenResponse,
  { limit, ...named }: Named & { readonly limit: number },
): Promise<Edits | undefined> {
  if (transformer.response === undefined) return undefined
  const { status, headers } = given
  const bytes = await decoded(given, limit, named)
  const json = () => parsed(bytes, named)
  try {
    const returned: unknown = await transformer.response({ status, headers, bytes, json })
    return editsOf(returned, RESPONSE, headers['content-type'])
  } catch (error) {
    throw untranslated(error, named)
  }
}

async function decoded(
  { bytes, headers }: GivenResponse,
  limit: number,
  named: Named,
): Promise<Buffer> {
  const encoding = headers['content-encoding']
  if (bytes.length === 0) return bytes
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
