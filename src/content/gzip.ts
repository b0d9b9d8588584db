import zlib from 'node:zlib'

/** What Node's decoders give with the option `info`. */
export interface Inflated {
  readonly buffer: Buffer
  /** `bytesWritten` counts the compressed bytes up to the end of the first stream in them. */
  readonly engine: { readonly bytesWritten: number }
}

/** Whether a value is the result of a decoder with the option `info`. */
export const isInflated = (value: unknown): value is Inflated =>
  typeof value === 'object' && value !== null && 'buffer' in value && 'engine' in value

interface Options {
  readonly maxOutputLength: number
  readonly info: true
}

/** CRC and length behind the compressed data (RFC 1952, section 2.3.1). */
const TRAILER = 8

/**
 * Decompresses the first member of a gzip file only.
 *
 * Node's own reads all members that follow each other as one text; other readers stop after the first
 * and would see another body. Here the bytes of further members are left over, which is for the caller
 * to refuse.
 */
export function gunzipFirst(
  bytes: Buffer,
  options: Options,
  done: (error: unknown, result?: unknown) => void,
): void {
  const start = headerLength(bytes)
  if (start === undefined) return done(new Error('no header of gzip'))
  zlib.inflateRaw(bytes.subarray(start), options, (error, result: unknown) => {
    if (error || !isInflated(result)) return done(error)
    const end = start + result.engine.bytesWritten
    if (!isIntact(bytes.subarray(end), result.buffer)) return done(new Error('the sum is wrong'))
    done(null, { buffer: result.buffer, engine: { bytesWritten: end + TRAILER } })
  })
}

function isIntact(trailer: Buffer, text: Buffer): boolean {
  if (trailer.length < TRAILER) return false
  return trailer.readUInt32LE(0) === zlib.crc32(text) && trailer.readUInt32LE(4) === text.length
}

const EXTRA = 4
const NAME = 8
const COMMENT = 16
const SUM = 2

/** Where the compressed data begins (RFC 1952, section 2.3); undefined when there is no whole header. */
function headerLength(bytes: Buffer): number | undefined {
  if (bytes.length < 10 || bytes.readUIntBE(0, 3) !== 0x1f8b08) return undefined
  const flags = bytes.readUInt8(3)
  let at: number | undefined = 10
  if (flags & 0xe0) return undefined
  if (flags & EXTRA) at = bytes.length < 12 ? undefined : 12 + bytes.readUInt16LE(10)
  if (flags & NAME) at = afterZero(bytes, at)
  if (flags & COMMENT) at = afterZero(bytes, at)
  if (flags & SUM && at !== undefined) at += 2
  return at
}

function afterZero(bytes: Buffer, from: number | undefined): number | undefined {
  const zero = from === undefined ? -1 : bytes.indexOf(0, from)
  return zero === -1 ? undefined : zero + 1
}
