import { lenient, type PathOptions, readSegment, refusal, type SegmentReadings } from './segment.js'

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
  /** The same in lower case. */
  readonly folded: readonly string[]
  /**
   * What more lenient readers make of the path: its segments, the same ended at the first decoded `?`
   * and at the first `#`, and both with encoded slashes decoded. Undefined where all read the same.
   */
  readonly others: readonly (readonly string[])[] | undefined
}

/** `OPTIONS *` and the authority-form of `CONNECT` (RFC 9112, section 3.2) ask for no resource. */
export function namesNoPath(method: string | undefined, target: string): boolean {
  return method === 'OPTIONS' ? target === '*' : method === 'CONNECT' && !target.includes('/')
}

/**
 * Reads the path of a request target in origin-form or absolute-form (RFC 9112, section 3.2); a
 * query is not looked at.
 *
 * @throws {GatewayError} `request_malformed` when the path cannot be read in one way only.
 */
export function readTarget(target: string, options: PathOptions = {}): Readings {
  return readPath(pathOf(target), options)
}

/**
 * Reads a path that `pathOf` gave.
 *
 * @throws {GatewayError} `request_malformed`.
 */
export function readPath(path: string, options: PathOptions = {}): Readings {
  const plain = segmentsOf(path)
  if (ONE_READING.test(path)) {
    const lower = path.toLowerCase()
    return { plain, folded: lower === path ? plain : segmentsOf(lower), others: undefined }
  }
  const read = plain.map((segment) => readSegment(segment, options))
  const decoded = read.map((segment) => segment.plain)
  return {
    plain: decoded,
    folded: decoded.map((segment) => segment.toLowerCase()),
    others: [
      read.map(({ loose }) => loose),
      ...cutAt(read, '?'),
      ...cutAt(read, '#'),
      ...(options.slashes === true && SLASH.test(path) ? split(path, options) : []),
    ],
  }
}

function segmentsOf(path: string): string[] {
  const segments = path.split('/')
  segments.shift()
  if (segments.at(-1) === '') segments.pop()
  return segments
}

/** What every reader reads in the same way, but for the case: most paths, in a fraction of the time. */
const ONE_READING = /^(?:\/[a-z\d_~-]+)+\/?$/i

const SLASH = /%2f/i

/** Who decodes an encoded slash reads several segments; many of them take two slashes for one. */
function split(path: string, { matrix }: PathOptions): readonly (readonly string[])[] {
  const decoded = path.split(/\/|%2f/i).filter((segment) => segment !== '')
  const { folded, others } = readPath(`/${decoded.join('/')}`, { matrix })
  return others ?? [folded]
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

const ABSOLUTE = /^https?:\/\//i
/** A name, an IPv4 address or an IPv6 address, and a port: no userinfo, nothing encoded (RFC 3986, section 3.2). */
const AUTHORITY = /^(?:[a-z\d_](?:[a-z\d_.-]*[a-z\d_.])?|\[[\da-f:.]+\])(?::\d{1,5})?$/i
/** All that RFC 3986 lets stand in a path and, harmless, what browsers leave bare; no `#` and no `\`. */
const BARE = /^[!"$-[\]-~]*$/

/**
 * The path of a request target, still encoded: empty, or with a slash at its start.
 *
 * A raw `#` or `\` is refused, not cut: URL parsers end the path there, or read a slash; others do not.
 *
 * @throws {GatewayError} `request_malformed` when it is neither in origin-form nor `http(s)://host[:port]`.
 */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  const beforeQuery = mark === -1 ? target : target.slice(0, mark)
  // Behind the query too: some proxies cut the target there, and what was checked is not what they send.
  if (!BARE.test(beforeQuery) || target.includes('#')) throw refusal('character')
  const path = ABSOLUTE.test(beforeQuery) ? pathOfUrl(beforeQuery) : beforeQuery
  if (path !== '' && !path.startsWith('/')) throw refusal('form')
  return path
}

/**
 * Servers must accept absolute-form, and proxies forward its path (RFC 9112, section 3.2.2). Where
 * the host ends must not be in doubt: with `h%6frders` or `u@h` parsers find different paths.
 */
function pathOfUrl(url: string): string {
  const start = url.indexOf('//') + 2
  const slash = url.indexOf('/', start)
  const end = slash === -1 ? url.length : slash
  if (!AUTHORITY.test(url.slice(start, end)) || !URL.canParse(url)) throw refusal('form')
  return url.slice(end)
}
