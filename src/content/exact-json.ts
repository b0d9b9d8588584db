import { crypto } from '../common/builtins.js'
import { parseJson } from './json.js'
import { isEscaped } from './quotes.js'
import type { Utf8 } from './utf8.js'

/**
 * A number of a JSON text that JavaScript cannot hold: an id of 20 digits would come out as another.
 * It counts and reads as what it is nearest to, and is written as it came.
 */
export class ExactNumber {
  readonly #digits: string

  constructor(digits: string) {
    this.#digits = digits
  }

  valueOf(): number {
    return Number(this.#digits)
  }

  toString(): string {
    return this.#digits
  }

  toJSON(): unknown {
    if (!isWriting) return this.valueOf()
    isMarked = true
    return mark + this.#digits
  }
}

/** Stands before the digits while a text is written: what nobody can guess, nobody can send. */
const mark = crypto.randomBytes(16).toString('hex')
let isWriting = false
/** Whether what is written has such digits: most has none, and a large text is not searched for them. */
let isMarked = false

/** So many digits in a row that some might be lost. */
const LONG = 16

/** Whether a text may have a number with so many digits: one of them stands at each 16th place. */
function mayHaveLong(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG)
    if (isOfNumber(text.charCodeAt(at)) && digitsAround(text, at) >= LONG) return true
  return false
}

function digitsAround(text: string, at: number): number {
  let from = at
  while (isOfNumber(text.charCodeAt(from - 1))) from -= 1
  let to = at + 1
  while (isOfNumber(text.charCodeAt(to))) to += 1
  return to - from
}

/** Whether a character is a digit, or the point of a number. */
const isOfNumber = (code: number): boolean => code === 0x2e || (code >= 0x30 && code <= 0x39)

/** The numbers of a JSON text, outside of its strings. */
const NUMBERS = /-?\d[\d.eE+-]*/g

/**
 * Parses JSON that every upstream reads in the same way, and keeps the numbers that JavaScript cannot
 * hold.
 *
 * @throws {GatewayError} `request_malformed`, as `parseJson`.
 */
export function parseExactJson(json: Utf8, maxDepth: number): unknown {
  const value = parseJson(json, maxDepth)
  if (!mayHaveLong(json.text)) return value
  let isExact = true
  const marked = replaceNumbers(json.text, (token) => {
    if (holds(token)) return token
    isExact = false
    return `"${mark}${token}"`
  })
  return isExact ? value : (JSON.parse(marked, unmarked) as unknown)
}

/**
 * Replaces the numbers of a text that is JSON. It goes from string to string: a regular expression that
 * matches one of megabytes can overflow the stack of the engine.
 */
function replaceNumbers(text: string, replace: (token: string) => string): string {
  const parts: string[] = []
  let at = 0
  while (at < text.length) {
    const quote = text.indexOf('"', at)
    if (quote === -1) break
    const end = endOfString(text, quote)
    parts.push(text.slice(at, quote).replace(NUMBERS, replace), text.slice(quote, end))
    at = end
  }
  parts.push(text.slice(at).replace(NUMBERS, replace))
  return parts.join('')
}

/** Where a string ends, behind its quote. */
function endOfString(text: string, quote: number): number {
  let end = text.indexOf('"', quote + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end + 1
}

/** Whether JavaScript writes a number with the digits that it was read from, or too few to be others. */
const holds = (token: string): boolean =>
  token.length < 16 || String(Number(token)) === token || countDigits(token) < 16

const countDigits = (token: string): number =>
  token.split(/e/i, 1)[0]?.replace(/\D/g, '').length ?? 0

const unmarked = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.startsWith(mark)
    ? new ExactNumber(value.slice(mark.length))
    : value

const MARKED = new RegExp(`"${mark}([^"]*)"`, 'g')

/**
 * Writes a value as JSON, with numbers that were read exactly as they came.
 *
 * @throws {TypeError} when it cannot be written: it leads back to itself, or is none of JSON's values.
 */
export function writeJson(value: unknown): string {
  isWriting = true
  isMarked = false
  try {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) throw new TypeError('JSON has no such value')
    return isMarked ? text.replace(MARKED, '$1') : text
  } finally {
    isWriting = false
  }
}
