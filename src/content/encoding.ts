import zlib from 'node:zlib'
import type { GatewayError } from '../errors/gateway-error.js'
import { withoutStack } from '../errors/gateway-error.js'
import { gunzipFirst, type Inflated, isInflated } from './gzip.js'
import { tooLarge } from './too-large.js'

type Options = { maxOutputLength: number; info: true }
type Decoder = (bytes: Buffer, options: Options, done: (...result: unknown[]) => void) => unknown

const isDecoder = (value: unknown): value is Decoder => typeof value === 'function'

// Not in every Node, and so not in its types: zstd came with 22.15.
const zstd: unknown = Reflect.get(zlib, 'zstdDecompress')

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipFirst],
  ['x-gzip', gunzipFirst],
  ['deflate', zlib.inflate],
  ['br', zlib.brotliDecompress],
  ...(isDecoder(zstd) ? ([['zstd', zstd]] as const) : []),
])

const ACCEPTED = [...decoders.keys()].filter((coding) => coding !== 'x-gzip').join(', ')

/**
 * The reason to refuse a Content-Encoding, undefined when it can be decoded (RFC 9110, section 8.4).
 *
 * @param field - The value of the header field; absent and `identity` mean no coding.
 */
export function refuseEncoding(field: string | undefined): GatewayError | undefined {
  const coding = codingOf(field)
  if (coding === undefined || decoders.has(coding)) return undefined
  return withoutStack('unsupported_content_encoding', {
    headers: { 'Accept-Encoding': ACCEPTED },
  })
}

function codingOf(field = ''): string | undefined {
  const coding = field.trim().toLowerCase()
  return coding === '' || coding === 'identity' ? undefined : coding
}

/**
 * Undoes the content coding of a body, into a copy of at most `limit` bytes.
 *
 * @param field - A Content-Encoding that `refuseEncoding` lets pass.
 * @throws {GatewayError} `content_too_large`, `request_malformed` when the coding is broken, or bytes
 *   follow its end: a parser that reads them would see another body.
 */
export async function decodeContent(
  bytes: Buffer,
  field: string | undefined,
  limit: number,
): Promise<Buffer> {
  const coding = codingOf(field)
  const decoder = coding === undefined ? undefined : decoders.get(coding)
  if (coding === undefined || decoder === undefined) return bytes
  const { buffer, engine } = await inflate(decoder, bytes, limit).catch((error: unknown) => {
    throw isTooLarge(error)
      ? tooLarge(`has more than ${limit} bytes when it is decoded`, limit)
      : broken(coding, error)
  })
  if (engine.bytesWritten !== bytes.length) throw broken(coding)
  return buffer
}

function inflate(decoder: Decoder, bytes: Buffer, limit: number): Promise<Inflated> {
  return new Promise((resolve, reject) => {
    decoder(bytes, { maxOutputLength: limit, info: true }, (error, result) => {
      if (isInflated(result)) resolve(result)
      else reject(error)
    })
  })
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'

const broken = (coding: string, cause?: unknown): GatewayError =>
  withoutStack('request_malformed', { detail: `The body is not valid ${coding}.`, cause })
