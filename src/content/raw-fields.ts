import type { IncomingMessage } from 'node:http'

/**
 * Gives a request its raw fields, where it has none: adapters for functions in a cloud make requests
 * up and leave them out, and they are what is checked.
 */
export function addRawFields({ headers, rawHeaders }: IncomingMessage): void {
  if (rawHeaders.length > 0) return
  for (const [name, value] of Object.entries(headers))
    for (const each of [value].flat()) if (each !== undefined) rawHeaders.push(name, String(each))
}
