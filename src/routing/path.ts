import { GatewayError } from '../errors/gateway-error.js'

/**
 * One path as the routers, proxies and file systems behind a gateway may read it.
 *
 * Some spellings no two of them agree on (`//`, dot segments, an encoded slash): those are refused.
 * Others are harmless as long as every reading leads to the same route: a path parameter (`;v=1`,
 * dropped by servlet containers), escapes that are left after decoding (decoded by whoever decodes
 * again), dots and blanks at the end of a segment (dropped by Windows and by URL parsers), an encoded
 * `?` or `#` (where a path is built from decoded parameters), letters that differ in more than their
 * case (`ſ` and `s`). For these the caller compares the readings.
 *
 * Suffixes (`/orders.json`) and Unicode compatibility forms (full-width letters) are other paths.
 */
export interface Readings {
  /** Segments decoded once, with their case; a final slash makes no segment. */
  readonly plain: readonly string[]
  /** The same number of segments, brought to what the most lenient reader makes of them. */
  readonly loose: readonly string[]
  /** As `loose`, ended at the first decoded `?`, and at the first `#`, where there are any. */
  readonly cuts: readonly (readonly string[])[]
}

/** One segment in the readings of its path. */
export interface SegmentReadings {
  readonly plain: string
  readonly loose: string
  /** With no escape left. */
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

/** The error for a path that is refused, by its reason. */
export const refusal = (reason: keyof typeof REFUSALS): GatewayError =>
  new GatewayError('request_malformed', { detail: REFUSALS[reason] })

/**
 * Reads the path of a request target in origin-form or absolute-form (RFC 9112, section 3.2); a
 * query is not looked at.
 *
 * @throws {GatewayError} `request_malformed` when the path cannot be read in one way only.
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

/** The reading that ends at a mark; none without the mark. */
function cutAt(read: readonly SegmentReadings[], mark: string): readonly (readonly string[])[] {
  const end = read.findIndex(({ bare }) => bare.includes(mark))
  const last = read[end]
  if (last === undefined) return []
  const kept = [...read.slice(0, end).map(({ loose }) => loose), lenient(last.bare, [';', mark])]
  // A mark right after a slash leaves a final slash, which makes no segment.
  return [kept.at(-1) === '' ? kept.slice(0, -1) : kept]
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
/** All that RFC 3986 lets stand in a path and, harmless, what browsers leave bare; no `#` and no `\`. */
const BARE = /^[!"$-[\]-~]*$/

/** A raw `#` or `\` is refused, not cut: URL parsers end the path there, or read a slash; others do not. */
function pathOf(target: string): string {
  const [beforeQuery = ''] = target.split('?', 1)
  // Behind the query too: some proxies cut the target there, and what was checked is not what they send.
  if (!BARE.test(beforeQuery) || target.includes('#')) throw refusal('character')
  const origin = originForm(beforeQuery)
  if (origin !== '' && !origin.startsWith('/')) throw refusal('form')
  return origin
}

/** Servers must accept absolute-form, and proxies forward its path (RFC 9112, section 3.2.2). */
function originForm(target: string): string {
  const scheme = SCHEME.exec(target)?.[0]
  if (scheme === undefined) return target
  const rest = target.slice(scheme.length)
  const slash = rest.indexOf('/')
  // Without a host, some parsers take the first segment for it.
  if (rest === '' || slash === 0) throw refusal('form')
  return slash === -1 ? '' : rest.slice(slash)
}

/**
 * Reads one segment of a path, still encoded.
 *
 * @throws {GatewayError} `request_malformed` when it is empty, a dot segment or badly encoded, or
 * hides a slash, a backslash or a control character, or a `?` or `#` that is encoded twice.
 */
export function readSegment(raw: string): SegmentReadings {
  const plain = decode(raw)
  const bare = decodeAll(plain)
  // Marks that only a second decoding shows would leave too many places where a reader may end.
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
function lenient(bare: string, ends: readonly string[]): string {
  const text = until(bare, ends)
  let end = text.length
  // Not a regular expression: an anchor at the end makes them quadratic in the dots before it.
  while (end > 0 && isDotOrBlank(text.charAt(end - 1))) end--
  return text.slice(0, end).trimStart().normalize('NFC').toUpperCase().toLowerCase()
}

const isDotOrBlank = (char: string): boolean => char === '.' || char.trim() === ''
