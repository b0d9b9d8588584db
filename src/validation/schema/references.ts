import { segmentsIn, valueAt } from '../../content/pointer.js'

/** A JSON Schema that is an object. */
export type SchemaObject = Readonly<Record<string, unknown>>

/** Whether a value can be a JSON Schema with keywords. */
export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Follows the `$ref` of a schema; undefined when it has none or the target is not known. */
export type Follow = (schema: SchemaObject) => unknown

/** The schema resource that a schema lies in: the scope of its relative references. */
interface Resource {
  readonly uri: string
  readonly root: SchemaObject
}

interface Index {
  readonly resources: Map<string, SchemaObject>
  readonly anchors: Map<string, SchemaObject>
  readonly homes: Map<object, Resource>
}

// Relative identifiers need some base; this one cannot be meant by anybody.
const BASE = 'schema:/'

/**
 * Follows references inside and between documents, as ajv did when it compiled them.
 *
 * It serves error messages only, so what it does not know it leaves out. The index is built at the
 * first use: most requests never need it.
 */
export function referencesOf(documents: readonly unknown[]): Follow {
  let index: Index | undefined
  return (schema) => {
    const ref = schema['$ref'] ?? schema['$dynamicRef']
    if (typeof ref !== 'string') return undefined
    index ??= indexOf(documents)
    return lookUp(index, ref, schema)
  }
}

function lookUp({ resources, anchors, homes }: Index, ref: string, from: SchemaObject): unknown {
  const target = resolve(ref, homes.get(from)?.uri ?? BASE)
  const [uri = '', fragment = ''] = target.split('#')
  if (fragment !== '' && !fragment.startsWith('/')) return anchors.get(target)
  return valueAt(resources.get(uri), segmentsIn(fragment))
}

function resolve(ref: string, base: string): string {
  return URL.canParse(ref, base) ? new URL(ref, base).href : ref
}

function indexOf(documents: readonly unknown[]): Index {
  const index: Index = { resources: new Map(), anchors: new Map(), homes: new Map() }
  const open: [value: unknown, home: Resource | undefined][] = documents.map((item) => [
    item,
    undefined,
  ])
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, home] = next
    if (typeof value !== 'object' || value === null || index.homes.has(value)) continue
    const inner = isSchemaObject(value) ? enter(index, value, home) : home
    for (const child of Object.values(value)) open.push([child, inner])
  }
  return index
}

function enter(index: Index, schema: SchemaObject, home: Resource | undefined): Resource {
  const { $id: id, $anchor: anchor, $dynamicAnchor: dynamic } = schema
  const uri = home?.uri ?? BASE
  let resource = home
  if (typeof id === 'string' && id.startsWith('#')) index.anchors.set(uri + id, schema)
  else if (typeof id === 'string')
    resource = { uri: resolve(id, uri).split('#')[0] ?? uri, root: schema }
  resource ??= { uri, root: schema }
  index.resources.set(resource.uri, resource.root)
  index.homes.set(schema, resource)
  for (const name of [anchor, dynamic])
    if (typeof name === 'string') index.anchors.set(`${resource.uri}#${name}`, schema)
  return resource
}

/**
 * Remembers what was found out about a schema, for one way to follow references.
 *
 * @param recursive - What a schema gives that is asked for while it is being worked out.
 */
export function memo<T>(
  work: (schema: SchemaObject, follow: Follow) => T,
  recursive: T,
): (schema: unknown, follow: Follow) => T {
  const known = new WeakMap<Follow, WeakMap<SchemaObject, T>>()
  return (schema, follow) => {
    if (!isSchemaObject(schema)) return recursive
    const results = known.get(follow) ?? new WeakMap<SchemaObject, T>()
    known.set(follow, results)
    const result = results.get(schema)
    if (result !== undefined) return result
    results.set(schema, recursive)
    const worked = work(schema, follow)
    results.set(schema, worked)
    return worked
  }
}
