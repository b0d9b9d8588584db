import { isSchemaObject } from '../schema/references.js'
import { chosenBranches } from './discriminator.js'
import { type Document, type Json, mistake, resolve } from './document.js'
import { Hidden, type Side } from './hidden.js'
import { from30 } from './nullable.js'

/** The `$id` under which the schemas of a document refer to each other. */
export const DOCUMENT_ID = 'openapi:/document'

const LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const MAPS = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
])
// prettier-ignore
const SINGLES = new Set([
  'additionalProperties', 'items', 'not', 'if', 'then', 'else', 'contains', 'propertyNames',
  'unevaluatedItems', 'unevaluatedProperties',
])
/** What says nothing about validity, or what was taken into account elsewhere. */
// prettier-ignore
const ANNOTATIONS = new Set([
  'description', 'title', 'example', 'examples', 'default', 'deprecated', 'externalDocs', 'xml', 'discriminator',
  'nullable', 'readOnly', 'writeOnly',
])
/** Parts of a document without schemas, which may be large. */
const PROSE = new Set(['example', 'examples', 'description', 'summary', 'tags', 'info', 'links'])

/** What the conversion of a schema needs to know of its document. */
interface Scene {
  readonly document: Document
  readonly hidden: Hidden
}

/**
 * A copy of a document whose schemas are JSON Schema 2020-12 for one side of an exchange, each at its
 * old place, so that the references between them stay as they are.
 */
export function withJsonSchemas(document: Document, side: Side = 'request'): object {
  const { components, paths } = document.root
  const scene = { document, hidden: new Hidden(document, side) }
  try {
    return {
      components: convertPart(components, scene, '/components'),
      paths: convertPart(paths, scene, '/paths'),
      $id: DOCUMENT_ID,
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw mistake('document', 'goes in a circle; pass it with its $refs, not dereferenced')
  }
}

/** Where the names are the author's own, and say nothing about what stands there. */
const NAMED = /^\/(?:paths|components\/\w+)$|\/(?:content|headers|responses|callbacks)$/

function convertPart(value: unknown, scene: Scene, place: string): unknown {
  if (Array.isArray(value))
    return value.map((item, at) => convertPart(item, scene, `${place}/${at}`))
  if (!isSchemaObject(value)) return value
  const isSchemas = place === '/components/schemas'
  const isNamed = NAMED.test(place)
  const converted = Object.entries(value).flatMap(([name, inner]) => {
    if (PROSE.has(name) && !isNamed) return []
    const inside = `${place}/${name}`
    const isSchema = isSchemas || (name === 'schema' && !isNamed)
    return [[name, isSchema ? schemaAt(inner, scene, inside) : convertPart(inner, scene, inside)]]
  })
  return Object.fromEntries(converted)
}

function schemaAt(schema: unknown, scene: Scene, place: string): unknown {
  if (isSchemaObject(schema) || typeof schema === 'boolean')
    return convertSchema(schema, scene, { place, above: NONE })
  throw mistake(place, 'must be a schema')
}

interface At {
  readonly place: string
  /** The names of hidden members that the schemas around declare for the same value. */
  readonly above: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

function convertSchema(schema: unknown, scene: Scene, { place, above }: At): unknown {
  const { document, hidden } = scene
  if (!isSchemaObject(schema)) return schema
  // A schema with an identifier of its own is a document in the document; ajv knows its way in there.
  if (typeof schema['$id'] === 'string' && !document.is30) return schema
  const { $ref: ref } = schema
  if (typeof ref === 'string') {
    if (!isAnchor(ref)) resolve(document, ref, place)
    // In 3.0 what stands beside a reference is ignored.
    if (document.is30) return referred(ref, scene, { place, above })
  }
  const names = new Set([...above, ...hidden.in(schema)])
  const converted = convertKeywords(schema, scene, { place, above: names })
  if (typeof ref === 'string') refer(converted, referred(ref, scene, { place, above: names }))
  const isInsideWanted = document.ways.has(place)
  if (!isInsideWanted) choose(converted, chosenBranches(schema, hidden))
  return document.is30 ? from30(converted, schema, isInsideWanted) : converted
}

function convertKeywords(schema: Json, scene: Scene, at: At): Record<string, unknown> {
  const converted: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(schema))
    if (!ANNOTATIONS.has(name) && !name.startsWith('x-'))
      converted[name] = convertKeyword(name, value, scene, at)
  const { required } = schema
  if (Array.isArray(required))
    converted['required'] = required.filter((name) => !at.above.has(String(name)))
  return converted
}

function choose(converted: Record<string, unknown>, chosen: readonly object[] | undefined): void {
  if (chosen === undefined) return
  delete converted['oneOf']
  delete converted['anyOf']
  converted['allOf'] = [...[converted['allOf'] ?? []].flat(), ...chosen]
}

function refer(converted: Record<string, unknown>, { $ref, allOf }: Referred): void {
  if (allOf === undefined) return void (converted['$ref'] = $ref)
  delete converted['$ref']
  converted['allOf'] = [...[converted['allOf'] ?? []].flat(), ...allOf]
}

interface Referred {
  readonly $ref?: string
  readonly allOf?: readonly unknown[]
}

const isAnchor = (ref: string): boolean => /^#[^/]/.test(ref)

/** A reference, or what it leads to where that requires a member that is hidden around here. */
function referred(ref: string, scene: Scene, { place, above }: At): Referred {
  const { hidden } = scene
  const target = hidden.target(ref)
  const own = hidden.in(target)
  const missed = [...hidden.requiredIn(target)].some((name) => above.has(name) && !own.has(name))
  if (!missed || place.length > LONGEST_PLACE) return { $ref: ref }
  return { allOf: [convertSchema(target, scene, { place: `${place}/$ref`, above })] }
}

// Copies of copies grow a place with each step; a circle of them would never end.
const LONGEST_PLACE = 1000

function convertKeyword(name: string, value: unknown, scene: Scene, { place, above }: At): unknown {
  // The other keywords describe other values than this one.
  const around = SAME_VALUE.has(name) ? above : NONE
  const inside = (inner: unknown, key: string | number) =>
    convertSchema(inner, scene, { place: `${place}/${name}/${key}`, above: around })
  if (SINGLES.has(name))
    return convertSchema(value, scene, { place: `${place}/${name}`, above: around })
  if (LISTS.has(name)) {
    if (!Array.isArray(value)) throw mistake(`${place}/${name}`, 'must be a list of schemas')
    return value.map(inside)
  }
  if (!MAPS.has(name) || !isSchemaObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inside(inner, key)]))
}

const SAME_VALUE = new Set(['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else', 'dependentSchemas'])
