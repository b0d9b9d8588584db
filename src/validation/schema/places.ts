import { type Follow, isSchemaObject, type SchemaObject } from './references.js'

/** What a schema says about the names of the members at one place of a value. */
export interface Place {
  /** The names in `properties` and `required`, through references and all combinations. */
  readonly names: ReadonlySet<string>
  /** Whether a name is declared: as it is, by a pattern, or as one of any. */
  declares(name: string): boolean
  /** The place of a member; undefined where the schema says nothing about it. */
  member(name: string): Place | undefined
  /** The place of an item. */
  item(index: number): Place | undefined
}

const IN_PLACE = ['if', 'then', 'else'] as const
const IN_PLACE_LISTS = ['allOf', 'anyOf', 'oneOf'] as const
const IN_PLACE_MAPS = ['dependentSchemas', 'dependencies'] as const
const OTHER_MEMBERS = ['additionalProperties', 'unevaluatedProperties'] as const
const OTHER_ITEMS = ['items', 'additionalItems', 'unevaluatedItems', 'contains'] as const
const ITEM_LISTS = ['items', 'prefixItems'] as const

// Each place is a set of schemas, of which there are few; a hostile schema could have more.
const MOST_PLACES = 10_000

/** The places of all values that a schema describes, made as they are asked for. */
export function placesOf(schema: unknown, follow: Follow): Place | undefined {
  const numbers = new Map<object, number>()
  const places = new Map<string, Place>()
  const numberOf = (part: object): number => {
    const number = numbers.get(part) ?? numbers.size
    numbers.set(part, number)
    return number
  }
  const placeOf = (starts: readonly unknown[]): Place | undefined => {
    const parts = inPlace(starts, follow)
    if (parts.length === 0) return undefined
    const key = parts
      .map(numberOf)
      .toSorted((a, b) => a - b)
      .join()
    const place = places.get(key) ?? createPlace(parts, placeOf)
    if (places.size < MOST_PLACES) places.set(key, place)
    return place
  }
  return placeOf([schema])
}

/** All schemas that apply where these do. */
function inPlace(starts: readonly unknown[], follow: Follow): SchemaObject[] {
  const found = new Set<SchemaObject>()
  const open = [...starts]
  while (open.length > 0) {
    const schema = open.pop()
    if (!isSchemaObject(schema) || found.has(schema)) continue
    found.add(schema)
    open.push(
      follow(schema),
      ...IN_PLACE.map((keyword) => schema[keyword]),
      ...IN_PLACE_LISTS.flatMap((keyword) => listOf(schema[keyword])),
      ...IN_PLACE_MAPS.flatMap((keyword) => Object.values(mapOf(schema[keyword]))),
    )
  }
  return [...found]
}

/** Any name that is not declared: without patterns, all of them have one place. */
const UNKNOWN = Symbol('unknown')

type PlaceOf = (starts: readonly unknown[]) => Place | undefined

function createPlace(parts: readonly SchemaObject[], placeOf: PlaceOf): Place {
  const members = new Map<string | typeof UNKNOWN, Place | undefined>()
  const items = new Map<number, Place | undefined>()
  const rules = parts.map(ruleOf)
  const hasPatterns = parts.some((part) => isSchemaObject(part['patternProperties']))
  const names = new Set(
    parts.flatMap(({ properties, required }) => [
      ...Object.keys(mapOf(properties)),
      ...listOf(required).map(String),
    ]),
  )
  const positions = Math.max(
    0,
    ...parts.flatMap((part) => ITEM_LISTS.map((keyword) => listOf(part[keyword]).length)),
  )
  return {
    names,
    declares: (name) => names.has(name) || rules.some((rule) => rule(name).some(isTelling)),
    member: (name) => {
      // Names that nobody has declared are the client's, and would fill the memory.
      const key = names.has(name) ? name : UNKNOWN
      const find = () => placeOf(rules.flatMap((rule) => rule(name)))
      return key === UNKNOWN && hasPatterns ? find() : remembered(members, key, find)
    },
    item: (index) => {
      const at = Math.min(index, positions)
      return remembered(items, at, () => placeOf(parts.flatMap((part) => itemSchemas(part, at))))
    },
  }
}

function remembered<K, V>(known: Map<K, V>, key: K, make: () => V): V | undefined {
  if (!known.has(key)) known.set(key, make())
  return known.get(key)
}

/** The schemas of one part for a member of this name. */
function ruleOf(part: SchemaObject): (name: string) => readonly unknown[] {
  const properties = mapOf(part['properties'])
  const patterns = Object.entries(mapOf(part['patternProperties'])).map(
    ([pattern, schema]) => [regExpOf(pattern), schema] as const,
  )
  const others = OTHER_MEMBERS.map((keyword) => part[keyword]).filter(isSchemaObject)
  return (name) => {
    const own = Object.hasOwn(properties, name) ? [properties[name]] : []
    const matching = patterns.filter(([pattern]) => pattern.test(name)).map(([, schema]) => schema)
    const found = [...own, ...matching]
    return found.length > 0 ? found : others
  }
}

function regExpOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return new RegExp(pattern)
  }
}

/** `{}` and `true` let everything be, which declares nothing. */
const isTelling = (schema: unknown): boolean =>
  schema !== true && (!isSchemaObject(schema) || Object.keys(schema).length > 0)

function itemSchemas(part: SchemaObject, index: number): readonly unknown[] {
  const positioned = ITEM_LISTS.flatMap((keyword) => listOf(part[keyword]).slice(index, index + 1))
  return positioned.length > 0 ? positioned : OTHER_ITEMS.map((keyword) => part[keyword])
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const mapOf = (value: unknown): SchemaObject => (isSchemaObject(value) ? value : {})
