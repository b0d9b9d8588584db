import { draft07 } from '#ajv'
import type { Ajv, CodeKeywordDefinition } from 'ajv'

/**
 * Makes `uniqueItems` take time that grows with the length of the list.
 *
 * Ajv's own compares each item with each. `maxItems` does not help where all errors are to be found:
 * then every keyword is checked, also behind one that has failed.
 */
export function useLinearUniqueItems(ajv: Ajv): void {
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword(uniqueItems())
}

function uniqueItems(): CodeKeywordDefinition {
  const { _, str } = draft07()
  return {
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: {
      message: ({ params: { i, j } }) => str`must NOT have duplicate items (${j} and ${i})`,
      params: ({ params: { i, j } }) => _`{ i: ${i}, j: ${j} }`,
    },
    code(cxt) {
      if (cxt.schema !== true) return
      const find = cxt.gen.scopeValue('func', { ref: firstTwice })
      const twice = cxt.gen.const('twice', _`${find}(${cxt.data})`)
      cxt.setParams({ i: _`${twice}[1]`, j: _`${twice}[0]` })
      cxt.pass(_`${twice} === undefined`)
    },
  }
}

/** The places of the first item that repeats another: the other's, and its own. */
function firstTwice(items: readonly unknown[]): [before: number, again: number] | undefined {
  const seen = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const key = canonical(item)
    const before = seen.get(key)
    if (before !== undefined) return [before, index]
    seen.set(key, index)
  }
  return undefined
}

/** One text for all values that are equal, in whatever order their members come. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? sorted(inner) : inner,
  )
}

/** As pairs: in an object, a member __proto__ would be its prototype. */
const sorted = (object: object): unknown => ({
  '': Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)),
})
