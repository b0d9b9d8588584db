import { type GatewayError, withoutStack } from '../errors/gateway-error.js'
import { type Fault, findFault } from './json-fault.js'
import { countQuotes } from './quotes.js'
import { countStrings } from './strings.js'
import type { Utf8 } from './utf8.js'

/** Whether a text is nothing but the white space of JSON (RFC 8259, section 2). */
export function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text)
}

/**
 * Parses JSON that every upstream reads in the same way.
 *
 * The bytes are forwarded as they came, so whatever parsers disagree about would be a way around the
 * schema: `findFault` lists it. The native parser decides about the grammar. A name that was used
 * twice is once in the value and twice in the text, so then the text has more strings than the value.
 * The exact but slower search for the fault runs where there may be one.
 *
 * @param maxDepth - Most levels of nesting.
 * @throws {GatewayError} `request_malformed` with the line and column of the fault, and no value.
 */
export function parseJson(json: Utf8, maxDepth: number): unknown {
  const { text } = json
  const value = parse(text)
  const quotes = value === undefined ? NaN : 2 * countStrings(value, maxDepth)
  if (quotes === countQuotes(json, quotes)) return value
  const fault = findFault(text, maxDepth)
  if (fault === undefined && value !== undefined) return value
  throw malformed(text, fault ?? { at: 0, reason: 'not JSON' })
}

/** The value, or undefined when the text is not JSON; the parser's message would echo the text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function malformed(text: string, { at, reason }: Fault): GatewayError {
  const before = text.slice(0, at).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  return withoutStack('request_malformed', {
    detail: `The body is not acceptable JSON: ${reason} at line ${before.length}, column ${column}.`,
  })
}
