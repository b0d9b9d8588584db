import { type Follow, isSchemaObject, memo, type SchemaObject } from '../schema/references.js'

/** What a schema says at a glance about a value: enough to tell the branches of a union apart. */
export interface Shape {
  /** Names of the accepted types; undefined when every type is. */
  readonly types: ReadonlySet<string> | undefined
  readonly required: ReadonlySet<string>
  /** The members that must have one of a few values, such as `action`. */
  readonly choices: ReadonlyMap<string, ReadonlySet<unknown>>
  /** The declared members, where no other is allowed. */
  readonly closed: ReadonlySet<string> | undefined
}

const ANYTHING: Shape = {
  types: undefined,
  required: new Set(),
  choices: new Map(),
  closed: undefined,
}

/** The shape of a schema, with its references, `allOf` and inner unions. */
export const shapeOf: (schema: unknown, follow: Follow) => Shape = memo<Shape>((schema, follow) => {
  const parts = [...flatten(schema, follow)]
  const unions = parts.flatMap(({ oneOf, anyOf }) => [oneOf, anyOf]).filter(Array.isArray)
  return [
    ownShape(parts, follow),
    ...unions.map((branches) => branches.map((branch) => shapeOf(branch, follow)).reduce(either)),
  ].reduce(both)
}, ANYTHING)

function ownShape(parts: readonly SchemaObject[], follow: Follow): Shape {
  const members = parts.flatMap((part) => Object.entries(part['properties'] ?? {}))
  const closed = parts.some((part) => part['additionalProperties'] === false)
  const types = parts.map((part) => part['type']).filter((type) => type !== undefined)
  return {
    types: types.length === 0 ? undefined : new Set(types.flat().map(String)),
    required: new Set(parts.flatMap((part) => part['required'] ?? []).map(String)),
    choices: new Map(members.flatMap(([name, member]) => choicesOf(name, member, follow))),
    closed: closed ? new Set(members.map(([name]) => name)) : undefined,
  }
}

/** What is left when both must match. */
function both(a: Shape, b: Shape): Shape {
  return {
    types: a.types && b.types ? intersection(a.types, b.types) : (a.types ?? b.types),
    required: new Set([...a.required, ...b.required]),
    choices: new Map([...a.choices, ...b.choices]),
    closed: a.closed && b.closed ? new Set([...a.closed, ...b.closed]) : (a.closed ?? b.closed),
  }
}

/** What is common when one of them must match. */
function either(a: Shape, b: Shape): Shape {
  const shared = [...a.choices].filter(([name]) => b.choices.has(name))
  return {
    types: a.types && b.types && new Set([...a.types, ...b.types]),
    required: intersection(a.required, b.required),
    choices: new Map(
      shared.map(([name, values]) => [name, new Set([...values, ...(b.choices.get(name) ?? [])])]),
    ),
    closed: a.closed && b.closed && new Set([...a.closed, ...b.closed]),
  }
}

function intersection(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter((item) => b.has(item)))
}

function flatten(start: unknown, follow: Follow): Set<SchemaObject> {
  const found = new Set<SchemaObject>()
  const open = [start]
  while (open.length > 0) {
    const schema = open.shift()
    if (!isSchemaObject(schema) || found.has(schema)) continue
    found.add(schema)
    open.push(follow(schema), ...[schema['allOf'] ?? []].flat())
  }
  return found
}

function choicesOf(name: string, member: unknown, follow: Follow): [string, Set<unknown>][] {
  for (const schema of flatten(member, follow)) {
    if ('const' in schema) return [[name, new Set([schema['const']])]]
    if (Array.isArray(schema['enum'])) return [[name, new Set(schema['enum'])]]
  }
  return []
}

/** Whether a shape accepts the type of a value. */
export function fitsType({ types }: Shape, value: unknown): boolean {
  if (types === undefined) return true
  const type = typeOf(value)
  return types.has(type) || (type === 'integer' && types.has('number'))
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
