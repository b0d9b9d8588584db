import type { Json } from './document.js'

const BOUNDS = [
  ['exclusiveMinimum', 'minimum'],
  ['exclusiveMaximum', 'maximum'],
] as const

/** Says in JSON Schema what OpenAPI 3.0 says in its own way. */
export function from30(
  converted: Record<string, unknown>,
  { nullable }: Json,
  isInsideWanted: boolean,
): unknown {
  for (const [exclusive, bound] of BOUNDS) {
    if (typeof converted[exclusive] !== 'boolean') continue
    if (converted[exclusive]) {
      converted[exclusive] = converted[bound]
      delete converted[bound]
    } else delete converted[exclusive]
  }
  return nullable === true ? orNull(converted, isInsideWanted) : converted
}

const COMBINED = ['allOf', 'anyOf', 'oneOf', 'not', '$ref']

/** What says nothing about null, and may stand beside a union with it. */
const STRUCTURE = ['properties', 'items', 'patternProperties', 'additionalProperties'] as const

/** In the schema itself where that is possible: a reference may lead to a place inside it. */
function orNull(schema: Record<string, unknown>, isInsideWanted: boolean): unknown {
  const { type, enum: values } = schema
  if (typeof type !== 'string' || COMBINED.some((name) => name in schema))
    return { ...(isInsideWanted && structureOf(schema)), anyOf: [schema, { type: 'null' }] }
  const list = Array.isArray(values) && !values.includes(null) ? [...values, null] : values
  return { ...schema, type: [type, 'null'], ...(list !== undefined && { enum: list }) }
}

const structureOf = (schema: Json): Json =>
  Object.fromEntries(
    Object.entries(schema).filter(([name]) => STRUCTURE.some((known) => known === name)),
  )
