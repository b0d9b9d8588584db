import { isAscii, isUtf8 } from 'node:buffer'
import { withoutStack } from '../errors/gateway-error.js'

/** A text with the bytes that it was decoded from. */
export interface Utf8 {
  readonly text: string
  readonly bytes: Uint8Array
}

/**
 * Decodes the bytes of a body as UTF-8, the only encoding of JSON (RFC 8259, section 8.1).
 *
 * @throws {GatewayError} `request_malformed` with the position of the first wrong byte.
 */
export function decodeUtf8(bytes: Buffer): Utf8 {
  // The usual case, and the quickest.
  if (isAscii(bytes)) return { text: bytes.toString('latin1'), bytes }
  const text = bytes.toString('utf8')
  if (isUtf8(bytes)) return { text, bytes }
  // Bad bytes were replaced, so the first byte that does not come back is the first bad one.
  const again = Buffer.from(text)
  const at = bytes.findIndex((byte, index) => byte !== again[index])
  throw withoutStack('request_malformed', {
    detail: `The body is not UTF-8 at byte ${at + 1}.`,
  })
}
