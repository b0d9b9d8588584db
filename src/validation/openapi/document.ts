import { segmentsIn } from '../../content/pointer.js'
import { isSchemaObject } from '../schema/references.js'
import { leftover, parseYaml } from './yaml.js'

/** Any object of a document. */
export type Json = Readonly<Record<string, unknown>>

/** An object of a document with the place where it stands, its references followed. */
export interface Located {
  readonly value: Json
  /** JSON Pointer from the root. */
  readonly pointer: string
}

/** A parsed document. */
export interface Document {
  readonly root: Json
  /** Whether its schemas are those of OpenAPI 3.0, a dialect of its own. */
  readonly is30: boolean
  /** The places inside of which a reference leads, by their decoded segments. */
  readonly ways: ReadonlySet<string>
}

/** The error for a mistake in a document: where it is, and what fixes it. */
export function mistake(place: string, fix: string): TypeError {
  return new TypeError(`routes.fromOpenAPI: ${place}: ${fix}`)
}

/**
 * Reads a document from an object, or from JSON or YAML text.
 *
 * @throws {TypeError} when it is none of OpenAPI 3.0 or 3.1.
 */
export function readDocument(given: unknown): Document {
  const root = typeof given === 'string' ? parseText(given) : given
  if (!isSchemaObject(root))
    throw mistake('document', 'pass an OpenAPI document, as an object or as JSON or YAML text')
  const version = String(root['openapi'] ?? `swagger ${root['swagger'] ?? '?'}`)
  if (!/^3\.[01]\.\d+/.test(version))
    throw mistake('openapi', `the version ${version} is not supported; convert it to 3.0 or 3.1`)
  const found = leftover(root)
  if (found) throw mistake(...found)
  return { root, is30: version.startsWith('3.0'), ways: waysIn(root) }
}

function waysIn(root: Json): ReadonlySet<string> {
  const ways = new Set<string>()
  const seen = new Set<unknown>()
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    const ref: unknown = Reflect.get(value, '$ref')
    if (typeof ref === 'string' && ref.startsWith('#/')) addWays(ways, ref)
    for (const inner of Object.values(value)) open.push(inner)
  }
  return ways
}

function addWays(ways: Set<string>, ref: string): void {
  let way = ''
  for (const segment of segmentsIn(ref.slice(1)).slice(0, -1)) ways.add((way += `/${segment}`))
}

function parseText(text: string): unknown {
  try {
    return text.trimStart().startsWith('{') ? JSON.parse(text) : parseYaml(text)
  } catch (error) {
    const [line] = String(error instanceof Error ? error.message : error).split('\n')
    throw mistake('document', `neither JSON nor YAML: ${line}`)
  }
}

const escape = (segment: string): string => segment.replaceAll('~', '~0').replaceAll('/', '~1')

// A chain of references that is longer goes in a circle.
const MOST_REFERENCES = 20

/** What stands in a member of an object, through references; undefined when there is none. */
export function member(
  document: Document,
  { value, pointer }: Located,
  name: string,
): Located | undefined {
  const place = `${pointer}/${escape(name)}`
  const found = value[name]
  return found === undefined ? undefined : follow(document, { value: found, pointer: place })
}

/** The members of an object that may be absent, by name. */
export function membersAt(document: Document, parent: Located, name: string): [string, Located][] {
  const map = member(document, parent, name)
  if (map === undefined) return []
  return Object.keys(map.value)
    .filter((key) => name === 'headers' || !key.startsWith('x-'))
    .flatMap((key) => {
      const found = member(document, map, key)
      return found ? [[key, found] as [string, Located]] : []
    })
}

/** The items of a list that may be absent. */
export function items(document: Document, { value, pointer }: Located, name: string): Located[] {
  const list = value[name] ?? []
  const place = `${pointer}/${name}`
  if (!Array.isArray(list)) throw mistake(place, 'must be a list')
  return list.map((item, at) => follow(document, { value: item, pointer: `${place}/${at}` }))
}

/** What stands at a place, through references. */
export const locate = (document: Document, value: unknown, pointer: string): Located =>
  follow(document, { value, pointer })

function follow(document: Document, from: { value: unknown; pointer: string }): Located {
  let { value, pointer } = from
  for (let count = 0; count < MOST_REFERENCES; count++) {
    if (!isSchemaObject(value)) throw mistake(pointer, 'must be an object')
    const ref = value['$ref']
    if (typeof ref !== 'string') return { value, pointer }
    const target = resolve(document, ref, pointer)
    ;({ value, pointer } = target)
  }
  throw mistake(from.pointer, 'its $ref leads in a circle')
}

/**
 * Looks up a `$ref` of a document.
 *
 * @throws {TypeError} when it leads out of the document, or nowhere.
 */
export function resolve(
  { root }: Document,
  ref: string,
  place: string,
): { value: unknown; pointer: string } {
  if (!ref.startsWith('#'))
    throw mistake(place, `$ref ${JSON.stringify(ref)} is outside of the document; bundle it first`)
  const segments = segmentsIn(ref.slice(1))
  let value: unknown = root
  for (const segment of segments) {
    const inside = typeof value === 'object' && value !== null && Object.hasOwn(value, segment)
    if (!inside) throw mistake(place, `$ref ${JSON.stringify(ref)} leads nowhere; correct it`)
    value = Reflect.get(value as object, segment)
  }
  return { value, pointer: segments.map((segment) => `/${escape(segment)}`).join('') }
}
