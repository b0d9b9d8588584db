import type { ServerResponse } from 'node:http'
import { http } from '../common/builtins.js'
import { ENTITY } from '../response/respond.js'

type Fields = Readonly<Record<string, string>>

/** Fields that only the writer sets: they frame the message, or must agree with the body. */
const RESERVED = new Set([...ENTITY, 'connection', 'date', 'keep-alive', 'retry-after', 'upgrade'])

/**
 * The fields that an error brings along, but those that are not its own to set, that the answer has
 * already, in any case, or that are no valid ones.
 */
export function fieldsOfError({ headers }: { headers: Fields }, answer: Fields): Fields {
  const taken = new Set(Object.keys(answer).map((name) => name.toLowerCase()))
  const own = Object.entries(headers).filter(([name, value]) => {
    const key = name.toLowerCase()
    return !RESERVED.has(key) && !taken.has(key) && isField(name, value)
  })
  return Object.fromEntries(own)
}

/** A field of an error, whose name may be in any case. */
export function fieldNamed(headers: Fields, name: string): string | undefined {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
}

/** Node refuses to write others, which would leave the client without any answer. */
function isField(name: string, value: string): boolean {
  try {
    http.validateHeaderName(name)
    return isValue(value)
  } catch {
    return false
  }
}

/** Whether a text can be the value of a field. */
export function isValue(text: string): boolean {
  try {
    http.validateHeaderValue('x', text)
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
export function varyOn(lines: readonly string[], name: string): string {
  const names = lines.flatMap((line) => line.split(','))
  const known = names.map((each) => each.trim()).filter((each) => each !== '')
  const covered = known.some((each) => each === '*' || each.toLowerCase() === name.toLowerCase())
  return (covered ? known : [...known, name]).join(', ')
}
