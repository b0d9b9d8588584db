import { isSchemaObject } from '../schema/references.js'
import type { Json } from './document.js'
import type { Hidden } from './hidden.js'

/** The branches of a union, and the value of one member that chooses each. */
interface Choice {
  readonly member: string
  readonly branches: readonly { readonly ref: string; readonly tags: readonly unknown[] }[]
}

/**
 * Says with `if` and `then` what a union with a discriminator says: only the branch that its member
 * names is checked, and only that has something to say. Undefined where the document leaves open which
 * branch a value means.
 */
export function chosenBranches(schema: Json, hidden: Hidden): readonly object[] | undefined {
  const choice = choiceOf(schema, hidden)
  if (choice === undefined) return undefined
  const { member, branches } = choice
  const tags = branches.flatMap((branch) => branch.tags)
  return [
    { type: 'object', required: [member], properties: { [member]: { enum: tags } } },
    ...branches.map((branch) => ({
      if: { required: [member], properties: { [member]: { enum: branch.tags } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { $ref: branch.ref },
    })),
  ]
}

function choiceOf({ discriminator, oneOf, anyOf }: Json, hidden: Hidden): Choice | undefined {
  if (!isSchemaObject(discriminator) || (oneOf !== undefined && anyOf !== undefined))
    return undefined
  const { propertyName: member, mapping = {} } = discriminator
  const list: unknown = oneOf ?? anyOf
  if (typeof member !== 'string' || !isSchemaObject(mapping) || !Array.isArray(list))
    return undefined
  const branches = list.map((branch: unknown) => {
    const ref: unknown = isSchemaObject(branch) ? branch['$ref'] : undefined
    if (typeof ref !== 'string') return undefined
    const tags = tagsOf({ ref, member, mapping }, hidden)
    return tags && { ref, tags }
  })
  const found = branches.filter((branch) => branch !== undefined)
  const tags = found.flatMap((branch) => branch.tags)
  const isClear = found.length === list.length && new Set(tags).size === tags.length
  return isClear ? { member, branches: found } : undefined
}

interface Branch {
  readonly ref: string
  readonly member: string
  readonly mapping: Json
}

/** The values that choose a branch: those that its own schema takes, or else those of the mapping. */
function tagsOf({ ref, member, mapping }: Branch, hidden: Hidden): readonly unknown[] | undefined {
  const target = hidden.target(ref)
  if (!hidden.requiredIn(target).has(member)) return undefined
  const own = valuesOf(target, member, hidden)
  if (own !== undefined) return own
  const name = ref.slice(ref.lastIndexOf('/') + 1)
  const mapped = Object.entries(mapping).filter(([, to]) => to === ref || to === name)
  return mapped.length > 0 ? mapped.map(([tag]) => tag) : undefined
}

const MOST_LEVELS = 8

function valuesOf(
  schema: unknown,
  member: string,
  hidden: Hidden,
  depth = 0,
): readonly unknown[] | undefined {
  if (!isSchemaObject(schema) || depth > MOST_LEVELS) return undefined
  const { properties, allOf, $ref: ref } = schema
  const property = isSchemaObject(properties) ? properties[member] : undefined
  const resolved = isSchemaObject(property)
    ? (hidden.target(property['$ref']) ?? property)
    : undefined
  if (isSchemaObject(resolved)) {
    if ('const' in resolved) return [resolved['const']]
    if (Array.isArray(resolved['enum'])) return resolved['enum']
  }
  const parts: unknown[] = [hidden.target(ref), ...[allOf ?? []].flat()]
  return parts
    .map((part) => valuesOf(part, member, hidden, depth + 1))
    .find((values) => values !== undefined)
}
