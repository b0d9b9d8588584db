import { fieldNamed } from './fields.js'

/** Bounds in seconds; clients obey `Retry-After` without a cap of their own. */
const SHORTEST_WAIT = 1
const LONGEST_WAIT = 300

/** The seconds that a field `Retry-After` asks for, within our bounds; undefined without a valid one. */
export function waitOf(headers: Readonly<Record<string, string>>): number | undefined {
  const field = fieldNamed(headers, 'retry-after')
  const seconds = field === undefined ? NaN : secondsOf(field.trim())
  if (Number.isNaN(seconds)) return undefined
  return Math.min(Math.max(Math.ceil(seconds), SHORTEST_WAIT), LONGEST_WAIT)
}

/** Seconds or an HTTP-date (RFC 9110, section 10.2.3); fractions come from libraries. */
function secondsOf(field: string): number {
  if (/^-?\d+(?:\.\d+)?$/.test(field)) return Number(field)
  // Date.parse reads almost anything as a date; an HTTP-date begins with the name of a day.
  return /^[A-Z][a-z]{2}/.test(field) ? (Date.parse(field) - Date.now()) / 1000 : NaN
}
