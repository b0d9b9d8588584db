import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'

/** Fields that only the writer sets: they frame the message, or must agree with the body. */
// prettier-ignore
const RESERVED = new Set([
  'connection', 'content-encoding', 'content-length', 'content-type', 'keep-alive', 'retry-after', 'trailer',
  'transfer-encoding', 'upgrade', 'cache-control', 'proxy-status', 'x-content-type-options', 'x-request-id',
])

/** The fields that an error brings along, but those that are not its own to set, or no valid ones. */
export function fieldsOfError(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => !RESERVED.has(name.toLowerCase()) && isField(name, value),
    ),
  )
}

/** Node refuses to write others, which would leave the client without any answer. */
function isField(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    return isValue(value)
  } catch {
    return false
  }
}

/** Whether a text can be the value of a field. */
export function isValue(text: string): boolean {
  try {
    validateHeaderValue('x', text)
    return true
  } catch {
    return false
  }
}

/** The lines of a field that the application has set on the response. */
export function linesOf(res: ServerResponse, name: string): string[] {
  const value = res.getHeader(name)
  if (value === undefined) return []
  return Array.isArray(value) ? value : [String(value)]
}

/** `Vary` with one more field name (RFC 9110, section 12.5.5). */
export function varyOn(res: ServerResponse, name: string): string {
  const names = linesOf(res, 'vary').flatMap((line) => line.split(','))
  const known = names.map((each) => each.trim()).filter((each) => each !== '')
  const covered = known.some((each) => each === '*' || each.toLowerCase() === name.toLowerCase())
  return (covered ? known : [...known, name]).join(', ')
}
