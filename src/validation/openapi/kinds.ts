import { isSchemaObject } from '../schema/references.js'
import { type Document, type Located, locate } from './document.js'

type Kind = 'list' | 'object' | 'scalar'

/** What a schema lets a parameter be, as far as its spelling needs to know. */
export interface Kinds {
  readonly list: boolean
  readonly object: boolean
  readonly scalar: boolean
  /** The declared members, where it may be an object. */
  readonly members: ReadonlyMap<string, Located>
  /** Whether it takes members of any name, as a map does. */
  readonly open: boolean
}

// Of schemas that refer to themselves.
const MOST_LEVELS = 8

const COMBINED = ['allOf', 'anyOf', 'oneOf'] as const

/** Finds out what a schema lets a value be, through references and combinations. */
export function kindsOf(document: Document, schema: Located | undefined): Kinds {
  const kinds = schema && possible(document, schema, 0)
  const parts = schema ? partsOf(document, schema, 0) : []
  const members = new Map(parts.flatMap((part) => membersIn(document, part)))
  return {
    list: kinds?.has('list') ?? false,
    object: kinds?.has('object') ?? false,
    scalar: kinds?.has('scalar') ?? true,
    members,
    open: isOpen(
      parts.map(({ value }) => value['additionalProperties']),
      members.size,
    ),
  }
}

/** An object of which nothing is described may have any members. */
const isOpen = (others: readonly unknown[], members: number): boolean =>
  others.some((other) => other === true || isSchemaObject(other)) ||
  (members === 0 && !others.includes(false))

/** The schemas in a keyword that is a list of them; a boolean says nothing here. */
function listed(document: Document, { value, pointer }: Located, name: string): Located[] {
  const list: unknown = value[name]
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown, at) =>
    isSchemaObject(item) ? [locate(document, item, `${pointer}/${name}/${at}`)] : [],
  )
}

/** A schema with all that are combined in it. */
function partsOf(document: Document, schema: Located, depth: number): Located[] {
  if (depth > MOST_LEVELS || '$id' in schema.value) return []
  const inner = COMBINED.flatMap((name) => listed(document, schema, name))
  return [schema, ...inner.flatMap((part) => partsOf(document, part, depth + 1))]
}

function membersIn(document: Document, { value, pointer }: Located): [string, Located][] {
  const { properties = {}, required } = value
  if (!isSchemaObject(properties)) return []
  // A name that is required is known, although nothing is said of its value.
  const bare: unknown[] = Array.isArray(required) ? required : []
  const named = bare
    .filter((name) => !Object.hasOwn(properties, String(name)))
    .map((name): [string, Located] => [String(name), { value: {}, pointer }])
  return named.concat(
    Object.entries(properties).map(([name, member]) => {
      const place = `${pointer}/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const schema = isSchemaObject(member) ? member : {}
      return [name, locate(document, schema, place)]
    }),
  )
}

/** Undefined where anything is possible. */
function possible(document: Document, schema: Located, depth: number): Set<Kind> | undefined {
  // References in a schema with an identifier of its own lead to places in it.
  if (depth > MOST_LEVELS || '$id' in schema.value) return undefined
  const inner = (name: string) =>
    listed(document, schema, name).map((part) => possible(document, part, depth + 1))
  return [
    ownKinds(schema.value),
    ...inner('allOf'),
    either(inner('anyOf')),
    either(inner('oneOf')),
  ].reduce(both)
}

function ownKinds(schema: Located['value']): Set<Kind> | undefined {
  const types = [schema['type'] ?? []].flat().map(String)
  const telling = types.filter((type) => type !== 'null')
  if (types.length > 0) return new Set((telling.length > 0 ? telling : types).map(kindOfType))
  const values: unknown[] = Array.isArray(schema['enum']) ? schema['enum'] : []
  if (values.length > 0) return new Set(values.map(kindOfValue))
  if ('properties' in schema || 'additionalProperties' in schema) return new Set(['object'])
  return 'items' in schema || 'prefixItems' in schema ? new Set(['list']) : undefined
}

const kindOfType = (type: string): Kind =>
  type === 'array' ? 'list' : type === 'object' ? 'object' : 'scalar'

const kindOfValue = (value: unknown): Kind =>
  Array.isArray(value) ? 'list' : isSchemaObject(value) ? 'object' : 'scalar'

function both(a: Set<Kind> | undefined, b: Set<Kind> | undefined): Set<Kind> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return new Set([...a].filter((kind) => b.has(kind)))
}

function either(kinds: readonly (Set<Kind> | undefined)[]): Set<Kind> | undefined {
  if (kinds.length === 0 || kinds.includes(undefined)) return undefined
  return new Set(kinds.flatMap((set) => [...(set ?? [])]))
}
