import { isUtf8 } from 'node:buffer'
import { GatewayError } from '../errors/gateway-error.js'
import { findFault } from './json-fault.js'

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
// '[' and '{', ']' and '}' differ in this bit only.
const BRACE_BIT = 0x20
const OPEN = 0x7b
const CLOSE = 0x7d

/** Whether a text is nothing but the white space of JSON (RFC 8259, section 2). */
export function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text)
}

/**
 * Decodes the bytes of a body as UTF-8, the only encoding of JSON (RFC 8259, section 8.1).
 *
 * @throws {GatewayError} `request_malformed` with the position of the first wrong byte.
 */
export function decodeUtf8(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (isUtf8(bytes)) return text
  // Bad bytes were replaced, so the first byte that does not come back is the first bad one.
  const again = Buffer.from(text)
  const at = bytes.findIndex((byte, index) => byte !== again[index])
  throw new GatewayError('request_malformed', {
    detail: `The body is not UTF-8 at byte ${at + 1}.`,
  })
}

/**
 * Parses JSON that every upstream reads in the same way.
 *
 * The bytes are forwarded as they came, so whatever parsers disagree about would be a way around the
 * schema: `findFault` lists it. The native parser decides about the grammar; two cheap counts of the
 * members, in the text and in the value, tell whether a name was used twice. The exact but slower
 * search for the fault runs on refusal only.
 *
 * @param maxDepth - Most levels of nesting.
 * @throws {GatewayError} `request_malformed` with the line and column of the fault, never its content.
 */
export function parseJson(text: string, maxDepth: number): unknown {
  const named = countNames(text, maxDepth)
  const value = named === undefined ? undefined : parse(text)
  if (value === undefined || countMembers(value) !== named) throw malformed(text, maxDepth)
  return value
}

/** The value, or undefined when the text is not JSON; the parser's message would echo the text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function malformed(text: string, maxDepth: number): GatewayError {
  const { at, reason } = findFault(text, maxDepth) ?? { at: 0, reason: 'not JSON' }
  const before = text.slice(0, at).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  return new GatewayError('request_malformed', {
    detail: `The body is not acceptable JSON: ${reason} at line ${before.length}, column ${column}.`,
  })
}

/** Counts the colons outside of strings; undefined when the text is nested too deep. */
function countNames(text: string, maxDepth: number): number | undefined {
  let names = 0
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === COLON) names += 1
    else if ((code | BRACE_BIT) === CLOSE) depth -= 1
    else if ((code | BRACE_BIT) === OPEN && ++depth > maxDepth) return undefined
  }
  return names
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) break
    if (code === BACKSLASH) at += 1
  }
  return at
}

/** Counts the members of all objects; undefined when one is `__proto__` or a number is not finite. */
function countMembers(root: unknown): number | undefined {
  const open: object[] = [[root]]
  let members = 0
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const values: unknown[] = Array.isArray(item) ? item : Object.values(item)
    if (values !== item) {
      members += values.length
      if (Object.hasOwn(item, '__proto__')) return undefined
    }
    for (const value of values) {
      if (typeof value === 'object' && value !== null) open.push(value)
      else if (value === Infinity || value === -Infinity) return undefined
    }
  }
  return members
}
