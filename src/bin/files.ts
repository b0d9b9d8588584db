import { closeSync, openSync, readSync } from 'node:fs'
import { UsageError } from './usage.js'

/** Most bytes of a file. */
const MOST = 10_485_760
const CHUNK = 65_536

/**
 * Reads a file of the caller, `-` for the standard input.
 *
 * @param option - The option that names it, for the error.
 * @throws {UsageError} when it cannot be read, or has over 10 MB.
 */
export function readBounded(option: string, path: string): Buffer {
  const chunks: Buffer[] = []
  let size = 0
  try {
    const file = path === '-' ? 0 : openSync(path, 'r')
    try {
      for (;;) {
        const chunk = Buffer.alloc(CHUNK)
        const count = readSync(file, chunk)
        if (count === 0) break
        size += count
        if (size > MOST) break
        chunks.push(chunk.subarray(0, count))
      }
    } finally {
      if (file !== 0) closeSync(file)
    }
  } catch (error) {
    const { code } = error as { code?: unknown }
    throw new UsageError(`${option}: the file "${path}" cannot be read (${String(code)})`)
  }
  if (size > MOST) throw new UsageError(`${option}: the file "${path}" has over 10 MB`)
  return Buffer.concat(chunks)
}
