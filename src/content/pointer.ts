/** Splits a JSON Pointer into its decoded segments (RFC 6901, section 4). */
export function segmentsOf(pointer: string): string[] {
  const segments = pointer.split('/').slice(1)
  return pointer.includes('~') ? segments.map(unescape) : segments
}

/** The segments of a pointer that is the fragment of a URI (RFC 6901, section 6). */
export function segmentsIn(fragment: string): string[] {
  try {
    return segmentsOf(decodeURIComponent(fragment))
  } catch {
    return segmentsOf(fragment)
  }
}

const unescape = (segment: string): string => segment.replaceAll('~1', '/').replaceAll('~0', '~')

// A name that the client chose may be long, and the pointer must stay readable.
const LONGEST = 500

/**
 * Writes a JSON Pointer as a URI fragment (RFC 6901, section 6), such as `#/items/0/a~1b`.
 *
 * A pointer that would be too long ends at the last parent that fits.
 */
export function fragmentOf(segments: readonly string[]): string {
  let fragment = '#'
  for (const segment of segments) {
    const next = `${fragment}/${encode(segment)}`
    if (next.length > LONGEST) break
    fragment = next
  }
  return fragment
}

/** Names that stand in a pointer as they are, as nearly all do. */
const PLAIN = /^[\w.-]{0,100}$/

function encode(segment: string): string {
  if (PLAIN.test(segment)) return segment
  const escaped = segment.slice(0, LONGEST).replaceAll('~', '~0').replaceAll('/', '~1')
  // encodeURI throws on lone surrogates, and leaves '#' alone, which a fragment must not hold.
  return encodeURI(escaped.replace(/\p{Surrogate}/gu, '\uFFFD')).replaceAll('#', '%23')
}

/** The value at a place inside another, undefined when there is none. */
export function valueAt(root: unknown, segments: readonly string[]): unknown {
  let value = root
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment))
      return undefined
    value = Reflect.get(value, segment)
  }
  return value
}
