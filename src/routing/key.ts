import { http } from '../common/builtins.js'
import { nearest } from '../common/nearest.js'
import { readSegment } from './segment.js'

/** Matches one segment of any text. */
export const PARAM = Symbol('param')
/** Matches all segments that remain, or none. */
export const REST = Symbol('rest')
/** What a segment of a key matches: a fixed text or one of the two above. */
export type Token = string | typeof PARAM | typeof REST

/** The method of a key without a method. */
export const ANY = ''

/** A key of a table of routes, parsed. */
export interface Key {
  /** In upper case; `ANY` where the key has none. */
  readonly method: string
  /** What the exact reading of a path must match; see `Readings`. */
  readonly plain: readonly Token[]
  /** What the lenient readings of a path must match. */
  readonly loose: readonly Token[]
  /** Name of the parameter at each segment, `'*'` for the rest, undefined for a fixed text. */
  readonly names: readonly (string | undefined)[]
  /** The path as it was written. */
  readonly template: string
}

interface Segment {
  readonly plain: Token
  readonly loose: Token
  readonly name?: string
}

/** Characters of methods (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
const NAME = /^[a-z_$][\w$]*$/i
/**
 * Characters that have a meaning in the patterns of other routers. They are refused: taken literally,
 * the route would match nothing, and its requests would pass unchecked without a warning.
 */
const PATTERN = /[:*?#\\(){}[\]]/

/**
 * Parses `'METHOD /path/:param'`, `'METHOD /path/*'`, or either without a method.
 *
 * Fixed segments may be percent-encoded or not.
 *
 * @throws {TypeError} naming the key and the fix.
 */
export function parseKey(key: string): Key {
  const fail = (fix: string): never => {
    throw new TypeError(`routes: ${JSON.stringify(key)}: ${fix}`)
  }
  const [method, path] = splitKey(key.trim())
  if (!path.startsWith('/')) fail('the path must start with "/", as in "GET /orders"')
  if (method !== ANY && !TOKEN.test(method)) fail('the method must be a word, as in "GET /orders"')
  const meant = http.METHODS.includes(method.toUpperCase())
    ? undefined
    : nearest(method, http.METHODS)
  if (method !== ANY && meant !== undefined) fail(`did you mean "${meant}"?`)
  const texts = path.split('/').slice(1)
  if (texts.at(-1) === '') texts.pop()
  if (texts.slice(0, -1).includes('*')) fail('"*" must be the last segment')
  const segments = texts.map((text) => parseSegment(text, fail))
  const names = segments.map(({ name }) => name)
  const twice = names.find((name, index) => name !== undefined && names.indexOf(name) !== index)
  if (twice !== undefined) fail(`two parameters are named "${twice}"; rename one`)
  return {
    method: method.toUpperCase(),
    plain: segments.map(({ plain }) => plain),
    loose: segments.map(({ loose }) => loose),
    names,
    template: path,
  }
}

function splitKey(key: string): readonly [method: string, path: string] {
  const blank = key.search(/\s/)
  if (key.startsWith('/') || blank === -1) return [ANY, key]
  return [key.slice(0, blank), key.slice(blank).trimStart()]
}

function parseSegment(text: string, fail: (fix: string) => never): Segment {
  if (text === '*') return { plain: REST, loose: REST, name: '*' }
  if (text.startsWith(':')) return parseParam(text.slice(1), fail)
  const special = PATTERN.exec(text)?.[0]
  if (special !== undefined) {
    const code = special.charCodeAt(0).toString(16).toUpperCase()
    fail(
      `"${special}" is not a pattern here: write a parameter as a whole segment, ":id", and the character itself as "%${code}"`,
    )
  }
  try {
    const { plain, loose } = readSegment(text)
    return { plain: plain.toLowerCase(), loose }
  } catch {
    return fail(`paths with the segment "${text}" are refused as ambiguous; remove or rename it`)
  }
}

function parseParam(name: string, fail: (fix: string) => never): Segment {
  if (!NAME.test(name))
    fail(`the name ":${name}" must be letters, digits, "_" and "$" only, as in ":id"`)
  return { plain: PARAM, loose: PARAM, name }
}
