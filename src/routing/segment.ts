import { type GatewayError, withoutStack } from '../errors/gateway-error.js'

/** What a table of routes lets stand in a path beside plain segments. */
export interface PathOptions {
  /** An encoded slash is part of its segment, as in `group%2Fproject`. */
  readonly slashes?: boolean | undefined
  /** A segment may begin with `;`: the style `matrix` of OpenAPI. */
  readonly matrix?: boolean | undefined
}

/** One segment in the readings of its path. */
export interface SegmentReadings {
  readonly plain: string
  readonly loose: string
  /** With no escape left. */
  readonly bare: string
}

const REFUSALS = {
  form: 'The request target must be a path, or "http://host:port" with a path.',
  character: 'The target of the request has a character that must be percent-encoded.',
  empty: 'The path of the request has an empty segment ("//").',
  dots: 'The path of the request has a dot segment ("." or "..").',
  escape: 'The path of the request has a percent escape that is broken or not UTF-8.',
  encoded:
    'The path of the request has an encoded slash, backslash or control character, or "?" or "#" encoded twice.',
  ambiguous:
    'The path of the request can be read as another route; write it without needless escapes.',
} as const

/** The error for a path that is refused, by its reason. */
export const refusal = (reason: keyof typeof REFUSALS): GatewayError =>
  withoutStack('request_malformed', { detail: REFUSALS[reason] })

/**
 * Reads one segment of a path, still encoded.
 *
 * @throws {GatewayError} `request_malformed` when it is empty, a dot segment or badly encoded, or
 * hides a slash, a backslash or a control character, or a `?` or `#` that is encoded twice.
 */
export function readSegment(raw: string, options: PathOptions = {}): SegmentReadings {
  const plain = decode(raw)
  const bare = decodeAll(plain)
  const hidden = options.slashes === true ? /[\p{Cc}\\]/u : /[\p{Cc}/\\]/u
  // Marks that only a second decoding shows would leave too many places where a reader may end.
  if (hidden.test(bare) || marks(bare) !== marks(plain)) throw refusal('encoded')
  if (options.matrix === true && plain.startsWith(';')) return matrix(plain, bare)
  const loose = lenient(bare, [';'])
  const shortest = lenient(bare, [';', '?', '#'])
  if (shortest === '' && until(bare, [';', '?', '#']).includes('.')) throw refusal('dots')
  if (loose === '') throw refusal('empty')
  return { plain, loose, bare }
}

/** Where the document has such segments, what drops them is no reader of it. */
function matrix(plain: string, bare: string): SegmentReadings {
  if (isDots(bare.slice(1))) throw refusal('dots')
  return { plain, loose: `;${lenient(bare.slice(1), [])}`, bare }
}

const isDots = (text: string): boolean => text.includes('.') && lenient(text, []) === ''

const marks = (text: string): number => text.replace(/[^?#/]/g, '').length

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    throw refusal('escape')
  }
}

const PERCENT = 0x25

/**
 * Decodes until no escape is left, in one pass: a decoded byte may complete the escape around it.
 * Bytes that are no UTF-8 here (as in `50%25ab`, the text `50%ab`) are nobody's slash.
 */
function decodeAll(text: string): string {
  if (!text.includes('%')) return text
  const bytes = Buffer.from(text)
  let end = 0
  for (const byte of bytes) {
    bytes[end++] = byte
    while (end > 2 && bytes[end - 3] === PERCENT) {
      const value = hex(bytes[end - 2]) * 16 + hex(bytes[end - 1])
      if (Number.isNaN(value)) break
      end -= 2
      bytes[end - 1] = value
    }
  }
  return bytes.toString('utf8', 0, end)
}

function hex(byte = 0): number {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase())
  return digit === -1 ? NaN : digit
}

function until(text: string, ends: readonly string[]): string {
  const found = ends.map((end) => text.indexOf(end)).filter((index) => index !== -1)
  return found.length === 0 ? text : text.slice(0, Math.min(...found))
}

/** Up to one of the ends, without blanks around it and dots behind it, and with the letters folded. */
export function lenient(bare: string, ends: readonly string[]): string {
  const text = until(bare, ends)
  let end = text.length
  // Not a regular expression: an anchor at the end makes them quadratic in the dots before it.
  while (end > 0 && isDotOrBlank(text.charAt(end - 1))) end--
  return text.slice(0, end).trimStart().normalize('NFC').toUpperCase().toLowerCase()
}

const isDotOrBlank = (char: string): boolean => char === '.' || char.trim() === ''
