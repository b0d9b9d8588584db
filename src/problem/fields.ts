import type { ServerResponse } from 'node:http'
import { http } from '../common/builtins.js'
import { ENTITY } from '../response/respond.js'

type Fields = Readonly<Record<string, string>>

/** Fields that only the writer sets: they delimit the message, or describe its body. */
const RESERVED = new Set([
  ...ENTITY,
  'content-security-policy',
  'connection',
  'date',
  'keep-alive',
  'retry-after',
  'upgrade',
])

/** What would be wrong on other answers, by the status that it belongs to (RFC 9110, 14.4 and 15.5.22). */
const OF_STATUS: Readonly<Record<string, number>> = { 'content-range': 416, upgrade: 426 }

/** The fields of an answer behind those of its error: not reserved ones, those that it has, and invalid ones. */
export function withFieldsOf(
  { headers, status }: { headers: Fields; status: number },
  answer: Fields,
): Fields {
  const own = Object.entries(headers).filter(([name, value]) => {
    const key = name.toLowerCase()
    const isOurs = RESERVED.has(key) && OF_STATUS[key] !== status
    return !isOurs && !hasField(answer, key) && isField(name, value)
  })
  return own.length === 0 ? answer : Object.assign(Object.fromEntries(own), answer)
}

const hasField = (fields: Fields, key: string): boolean =>
  Object.keys(fields).some((name) => name.toLowerCase() === key)

/** The value of a field, whatever the case of its name. */
export function fieldNamed(headers: Fields, name: string): string | undefined {
  for (const key of Object.keys(headers))
    if (key.length === name.length && key.toLowerCase() === name) return headers[key]
  return undefined
}

/** Whether Node can write the field: it throws for others, and the client would get no answer. */
function isField(name: string, value: string): boolean {
  try {
    http.validateHeaderName(name)
    return isValue(value)
  } catch {
    return false
  }
}

/** Whether Node can write a text as the value of a field. */
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
  if (lines.length === 0) return name
  const names = lines.flatMap((line) => line.split(','))
  const known = names.map((each) => each.trim()).filter((each) => each !== '')
  const covered = known.some((each) => each === '*' || each.toLowerCase() === name.toLowerCase())
  return (covered ? known : [...known, name]).join(', ')
}
