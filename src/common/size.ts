import bytes from 'bytes'

/** A size in bytes; NaN when it is none. */
export function sizeOf(limit: unknown): number {
  // bytes() takes "1MiB" for 1.
  const known = /^\d+(?:\.\d+)?\s*(?:b|kb|mb|gb|tb)?$/i.test(String(limit))
  const size = typeof limit === 'string' && known ? bytes.parse(limit) : limit
  return Number.isSafeInteger(size) ? Number(size) : NaN
}
