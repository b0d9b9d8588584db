import bytes from 'bytes'
import type { Check } from './options.js'

/** A size in bytes; NaN when it is none. */
export function sizeOf(limit: unknown): number {
  // bytes() takes "1MiB" for 1.
  const known = /^\d+(?:\.\d+)?\s*(?:b|kb|mb|gb|tb)?$/i.test(String(limit))
  const size = typeof limit === 'string' && known ? bytes.parse(limit) : limit
  return Number.isSafeInteger(size) ? Number(size) : NaN
}

/** An option that is a size. */
export const size: Check = [
  (value) => sizeOf(value) > 0,
  "a size such as '1mb' or a number of bytes",
]
