import { yaml } from '#yaml'
import { isSchemaObject } from '../schema/references.js'

/**
 * Parses YAML with its merge keys (`<<`), which YAML 1.2 does not know, but documents use.
 *
 * @throws the parser's error.
 */
export function parseYaml(text: string): unknown {
  return yaml().parse(text, { logLevel: 'error', merge: true })
}

/** Where the names are an author's own, and the values examples or data. */
const DATA = new Set(['example', 'examples', 'default', 'enum', 'const', 'description'])
// prettier-ignore
const NAMES = new Set([
  'properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions', 'schemas', 'parameters',
  'headers', 'responses', 'requestBodies', 'securitySchemes', 'links', 'callbacks', 'pathItems', 'paths',
  'content', 'encoding', 'variables', 'mapping', 'scopes',
])

/** Fields that must be a boolean: YAML 1.2 takes `yes` and `no` for text, which would mean nothing. */
const BOOLEANS = new Set([
  'nullable',
  'readOnly',
  'writeOnly',
  'explode',
  'allowEmptyValue',
  'uniqueItems',
])

/**
 * Finds what a parser of YAML has left of the author's intention, and what would weaken a schema
 * without a word: merge keys that were not merged, and booleans that are text.
 *
 * @returns where it is and the fix; undefined when there is nothing.
 */
export function leftover(root: unknown): [place: string, fix: string] | undefined {
  const seen = new Set<object>()
  const open: [value: unknown, place: string, named: boolean][] = [[root, '', false]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, place, named] = next
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    for (const [key, inner] of Object.entries(value)) {
      const at = `${place}/${key}`
      const fix = named ? undefined : fixOf(key, inner)
      if (fix !== undefined) return [at, fix]
      const isData = !named && (DATA.has(key) || key.startsWith('x-'))
      if (!isData) open.push([inner, at, !named && NAMES.has(key)])
    }
  }
  return undefined
}

function fixOf(key: string, value: unknown): string | undefined {
  if (key === '<<' && (isSchemaObject(value) || Array.isArray(value)))
    return 'is a merge key that was not merged; pass the text of the document, or parse it with merge keys'
  if (BOOLEANS.has(key) && typeof value !== 'boolean') return 'must be true or false'
  // A list of names in a schema, a boolean in a parameter or a body.
  if (key === 'required' && typeof value === 'string')
    return 'must be true or false, or a list of names'
  return undefined
}
