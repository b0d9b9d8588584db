import { type Follow, isSchemaObject, memo, type SchemaObject } from './references.js'

const IN_PLACE = ['then', 'else'] as const
const IN_PLACE_MAPS = ['dependentSchemas', 'dependencies'] as const
const ALL_MEMBERS = ['additionalProperties', 'unevaluatedProperties'] as const
const ALL_ITEMS = ['items', 'additionalItems', 'unevaluatedItems'] as const
const ITEM_LISTS = ['items', 'prefixItems'] as const

/**
 * The schemas inside `start` that apply at a place inside the value that `start` applies to.
 *
 * Not those inside of unions, `not` and the like: their errors come with an error of the union.
 */
export function schemasAt(
  start: unknown,
  segments: readonly string[],
  follow: Follow,
): ReadonlySet<SchemaObject> {
  let applying = inPlace(start, follow)
  for (const segment of segments) {
    const inside = new Set([...applying].flatMap((schema) => stepsInto(schema, segment)))
    applying = new Set([...inside].flatMap((schema) => [...inPlace(schema, follow)]))
  }
  return applying
}

/** A schema with all that apply at the same place: through references, `allOf` and conditions. */
const inPlace = memo<ReadonlySet<SchemaObject>>((start, follow) => {
  const found = new Set<SchemaObject>()
  const open: unknown[] = [start]
  while (open.length > 0) {
    const schema = open.pop()
    if (!isSchemaObject(schema) || found.has(schema)) continue
    found.add(schema)
    open.push(
      follow(schema),
      ...IN_PLACE.map((keyword) => schema[keyword]),
      ...[schema['allOf'] ?? []].flat(),
      ...IN_PLACE_MAPS.flatMap((keyword) => Object.values(schema[keyword] ?? {})),
    )
  }
  return found
}, new Set())

function stepsInto(schema: SchemaObject, segment: string): SchemaObject[] {
  const members: unknown[] = [
    own(schema['properties'], segment),
    ...Object.values(schema['patternProperties'] ?? {}),
    ...ALL_MEMBERS.map((keyword) => schema[keyword]),
    ...ALL_ITEMS.map((keyword) => schema[keyword]),
    ...ITEM_LISTS.map((keyword) => own(schema[keyword], segment)),
  ]
  return members.filter(isSchemaObject)
}

function own(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name)
    ? Reflect.get(of, name)
    : undefined
}
