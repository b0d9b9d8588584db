import { GatewayError } from '../errors/gateway-error.js'

/**
 * One path, in the ways that the routers, proxies and file systems behind the gateway may read it.
 *
 * Readers disagree about some spellings (`//`, dot segments, an encoded slash): these are refused.
 * Other spellings are harmless as long as every reading leads to the same route:
 *
 * - a path parameter (`;v=1`), which servlet containers drop;
 * - escapes that remain after decoding, which a second decoder decodes;
 * - dots and blanks at the end of a segment, which Windows and URL parsers drop;
 * - an encoded `?` or `#`, which ends the path where it is built from decoded parameters;
 * - letters that are equal in more than their case (`ſ` and `s`).
 *
 * For these the caller compares the readings.
 *
 * Suffixes (`/orders.json`) and Unicode compatibility forms (full-width letters) are other paths.
 */
export interface Readings {
  /** Segments decoded once, with their case; a final slash adds no segment. */
  readonly plain: readonly string[]
  /** The same number of segments, as the most lenient reader reads them. */
  readonly loose: readonly string[]
  /** As `loose`, but ended at the first decoded `?`; and the same for `#`. Empty without such a mark. */
  readonly cuts: readonly (readonly string[])[]
}

/** The readings of one segment. */
export interface SegmentReadings {
  readonly plain: string
  readonly loose: string
  /** Decoded until no escape is left. */
  readonly bare: string
}

const REFUSALS = {
  form: 'The request target must be a path or an absolute URL.',
  character: 'The target of the request has a character that must be percent-encoded.',
  empty: 'The path of the request has an empty segment ("//").',
  dots: 'The path of the request has a dot segment ("." or "..").',
  escape: 'The path of the request has a percent escape that is broken or not UTF-8.',
  encoded:
    'The path of the request has an encoded slash, backslash or control character, or "?" or "#" encoded twice.',
  ambiguous:
    'The path of the request can be read as another route; write it without needless escapes.',
} as const

/** The error for a path that is refused. */
export const refusal = (reason: keyof typeof REFUSALS): GatewayError =>
  new GatewayError('request_malformed', { detail: REFUSALS[reason] })

/**
 * Reads the path of a request target in origin-form or absolute-form (RFC 9112, section 3.2), and
 * ignores the query.
 *
 * @throws {GatewayError} `request_malformed` when the path can be read in more than one way.
 */
export function readTarget(target: string): Readings {
  const segments = pathOf(target).split('/').slice(1)
  if (segments.at(-1) === '') segments.pop()
  const read = segments.map(readSegment)
  return {
    plain: read.map(({ plain }) => plain),
    loose: read.map(({ loose }) => loose),
    cuts: ['?', '#'].flatMap((mark) => cutAt(read, mark)),
  }
}

/** The reading that ends at a mark, as a list of one; empty without the mark. */
function cutAt(read: readonly SegmentReadings[], mark: string): readonly (readonly string[])[] {
  const end = read.findIndex(({ bare }) => bare.includes(mark))
  const last = read[end]
  if (last === undefined) return []
  const kept = [...read.slice(0, end).map(({ loose }) => loose), lenient(last.bare, [';', mark])]
  // A mark right after a slash leaves a final slash, which adds no segment.
  return [kept.at(-1) === '' ? kept.slice(0, -1) : kept]
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
/** What RFC 3986 allows in a path, and what browsers do not encode and is harmless; no `#` and no `\`. */
const BARE = /^[!"$-[\]-~]*$/

/** A `#` or `\` is refused: some readers end the path at the one, or read the other as a slash. */
function pathOf(target: string): string {
  const [beforeQuery = ''] = target.split('?', 1)
  // Also refused in the query: some proxies end the target at `#`, and would send less than was checked.
  if (!BARE.test(beforeQuery) || target.includes('#')) throw refusal('character')
  const origin = originForm(beforeQuery)
  if (origin !== '' && !origin.startsWith('/')) throw refusal('form')
  return origin
}

/** Servers must accept absolute-form (RFC 9112, section 3.2.2), and proxies forward its path. */
function originForm(target: string): string {
  const scheme = SCHEME.exec(target)?.[0]
  if (scheme === undefined) return target
  const rest = target.slice(scheme.length)
  const slash = rest.indexOf('/')
  // Without a host, some parsers take the first segment as the host.
  if (rest === '' || slash === 0) throw refusal('form')
  return slash === -1 ? '' : rest.slice(slash)
}

/**
 * Reads one segment of a path, as it is encoded in the request.
 *
 * @throws {GatewayError} `request_malformed` when it is empty, is a dot segment, has an escape that is
 * not valid, or encodes a slash, a backslash or a control character, or a `?` or `#` twice.
 */
export function readSegment(raw: string): SegmentReadings {
  const plain = decode(raw)
  const bare = decodeAll(plain)
  // A mark that only a second decoding shows: there would be too many readings to compare.
  if (/[\p{Cc}/\\]/u.test(bare) || marks(bare) !== marks(plain)) throw refusal('encoded')
  const loose = lenient(bare, [';'])
  const shortest = lenient(bare, [';', '?', '#'])
  if (shortest === '' && until(bare, [';', '?', '#']).includes('.')) throw refusal('dots')
  if (loose === '') throw refusal('empty')
  return { plain, loose, bare }
}

const marks = (text: string): number => text.replace(/[^?#]/g, '').length

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    throw refusal('escape')
  }
}

const PERCENT = 0x25

/**
 * Decodes until no escape is left, in one pass: a decoded byte can complete an escape with the bytes
 * around it. Bytes that are not valid UTF-8 afterwards (as in `50%25ab`, the text `50%ab`) are
 * harmless: no reader decodes them to a slash.
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

/** The text before the first of the ends, without blanks around it and dots after it, case folded. */
function lenient(bare: string, ends: readonly string[]): string {
  const text = until(bare, ends)
  let end = text.length
  // Not a regular expression: with an anchor at the end it takes quadratic time for many dots.
  while (end > 0 && isDotOrBlank(text.charAt(end - 1))) end--
  return text.slice(0, end).trimStart().normalize('NFC').toUpperCase().toLowerCase()
}

const isDotOrBlank = (char: string): boolean => char === '.' || char.trim() === ''
