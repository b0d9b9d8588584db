import { draft07, draft2019, draft2020 } from '#ajv'
import type { Ajv, Options } from 'ajv'
import { isSchemaObject } from './references.js'

/** A class of ajv that understands a dialect. */
export type AjvClass = new (options: Options) => Ajv

/** The dialect whose classes know `$anchor` neither as a keyword nor in references. */
export const DRAFT_07 = 'http://json-schema.org/draft-07/schema'
const DEFAULT = 'https://json-schema.org/draft/2020-12/schema'

/** The dialects of JSON Schema that are understood, by the canonical form of `$schema`. */
const dialects: ReadonlyMap<string, () => AjvClass> = new Map([
  [DRAFT_07, () => draft07().Ajv],
  ['https://json-schema.org/draft/2019-09/schema', () => draft2019().Ajv2019],
  [DEFAULT, () => draft2020().Ajv2020],
])

/**
 * The `$schema` that a schema has, spelled canonically; draft 2020-12 when it has none.
 *
 * @throws {TypeError} when the dialect is not known.
 */
export function dialectOf(schema: unknown): string {
  const declared = isSchemaObject(schema) ? schema['$schema'] : undefined
  if (declared === undefined) return DEFAULT
  const plain = String(declared).replace(/#$/, '')
  const name = [plain, plain.replace(/^https:/, 'http:'), plain.replace(/^http:/, 'https:')].find(
    (spelling) => dialects.has(spelling),
  )
  if (name !== undefined) return name
  throw new TypeError(
    `$schema ${JSON.stringify(declared)} is not supported; use draft-07, 2019-09 or 2020-12`,
  )
}

/** The class of ajv for a dialect that `dialectOf` gave. */
export function ajvClassOf(dialect: string): AjvClass {
  return (dialects.get(dialect) ?? (() => draft2020().Ajv2020))()
}
