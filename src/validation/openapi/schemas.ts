import { isSchemaObject } from '../schema/references.js'
import { type Document, type Json, mistake, resolve } from './document.js'

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

/**
 * A copy of a document whose schemas are JSON Schema 2020-12 for requests, each at its old place, so
 * that the references between them stay as they are.
 */
export function withJsonSchemas(document: Document): object {
  const { components, paths } = document.root
  try {
    return {
      components: convertPart(components, document, '/components'),
      paths: convertPart(paths, document, '/paths'),
      $id: DOCUMENT_ID,
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw mistake('document', 'goes in a circle; pass it with its $refs, not dereferenced')
  }
}

/** Where the names are the author's own, and say nothing about what stands there. */
const NAMED = /^\/(?:paths|components\/\w+)$|\/(?:content|headers|responses|callbacks)$/

function convertPart(value: unknown, document: Document, place: string): unknown {
  if (Array.isArray(value))
    return value.map((item, at) => convertPart(item, document, `${place}/${at}`))
  if (!isSchemaObject(value)) return value
  const isSchemas = place === '/components/schemas'
  const isNamed = NAMED.test(place)
  const converted = Object.entries(value).flatMap(([name, inner]) => {
    if (PROSE.has(name) && !isNamed) return []
    const inside = `${place}/${name}`
    const isSchema = isSchemas || (name === 'schema' && !isNamed)
    return [
      [name, isSchema ? schemaAt(inner, document, inside) : convertPart(inner, document, inside)],
    ]
  })
  return Object.fromEntries(converted)
}

function schemaAt(schema: unknown, document: Document, place: string): unknown {
  if (isSchemaObject(schema) || typeof schema === 'boolean')
    return convertSchema(schema, document, place)
  throw mistake(place, 'must be a schema')
}

function convertSchema(schema: unknown, document: Document, place: string): unknown {
  if (!isSchemaObject(schema)) return schema
  // A schema with an identifier of its own is a document in the document; ajv knows its way in there.
  if (typeof schema['$id'] === 'string' && !document.is30) return schema
  const { $ref: ref } = schema
  if (typeof ref === 'string') {
    if (!isAnchor(ref)) resolve(document, ref, place)
    // In 3.0 what stands beside a reference is ignored.
    if (document.is30) return { $ref: ref }
  }
  const converted: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(name) || name.startsWith('x-')) continue
    converted[name] = convertKeyword(name, value, document, place)
  }
  requireOfRequests(converted, schema, document)
  return document.is30 ? from30(converted, schema) : converted
}

const isAnchor = (ref: string): boolean => /^#[^/]/.test(ref)

function convertKeyword(name: string, value: unknown, document: Document, place: string): unknown {
  const inside = (inner: unknown, key: string | number) =>
    convertSchema(inner, document, `${place}/${name}/${key}`)
  if (SINGLES.has(name)) return convertSchema(value, document, `${place}/${name}`)
  if (LISTS.has(name)) {
    if (!Array.isArray(value)) throw mistake(`${place}/${name}`, 'must be a list of schemas')
    return value.map(inside)
  }
  if (!MAPS.has(name) || !isSchemaObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inside(inner, key)]))
}

/** A member that only the server writes is required of responses only. */
function requireOfRequests(converted: Json, schema: Json, document: Document): void {
  const { required, properties } = schema
  if (!Array.isArray(required) || !isSchemaObject(properties)) return
  const asked = required.filter((name) => !isReadOnly(properties[String(name)], document))
  Object.assign(converted, { required: asked })
}

function isReadOnly(property: unknown, document: Document): boolean {
  if (!isSchemaObject(property)) return false
  const { $ref: ref, readOnly } = property
  if (readOnly === true) return true
  const target = typeof ref === 'string' && ref.startsWith('#') ? resolve(document, ref, ref) : {}
  return 'value' in target && isSchemaObject(target.value) && target.value['readOnly'] === true
}

const BOUNDS = [
  ['exclusiveMinimum', 'minimum'],
  ['exclusiveMaximum', 'maximum'],
] as const

/** Says in JSON Schema what OpenAPI 3.0 says in its own way. */
function from30(converted: Record<string, unknown>, { nullable }: Json): unknown {
  for (const [exclusive, bound] of BOUNDS) {
    if (typeof converted[exclusive] !== 'boolean') continue
    if (converted[exclusive]) {
      converted[exclusive] = converted[bound]
      delete converted[bound]
    } else delete converted[exclusive]
  }
  return nullable === true ? orNull(converted) : converted
}

const COMBINED = ['allOf', 'anyOf', 'oneOf', 'not', '$ref']

/** In the schema itself where that is possible: a reference may lead to a place inside it. */
function orNull(schema: Record<string, unknown>): unknown {
  const { type, enum: values } = schema
  if (typeof type !== 'string' || COMBINED.some((name) => name in schema))
    return { anyOf: [schema, { type: 'null' }] }
  const list = Array.isArray(values) && !values.includes(null) ? [...values, null] : values
  return { ...schema, type: [type, 'null'], ...(list !== undefined && { enum: list }) }
}
