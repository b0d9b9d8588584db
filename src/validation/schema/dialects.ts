import { Ajv, type Options } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isSchemaObject } from './references.js'

/** The dialects of JSON Schema that are understood, by the canonical form of `$schema`. */
const dialects: ReadonlyMap<string, new (options: Options) => Ajv> = new Map([
  ['http://json-schema.org/draft-07/schema', Ajv],
  ['https://json-schema.org/draft/2019-09/schema', Ajv2019],
  ['https://json-schema.org/draft/2020-12/schema', Ajv2020],
])

const DEFAULT = 'https://json-schema.org/draft/2020-12/schema'

/** A class of ajv that understands a dialect. */
export type AjvClass = new (options: Options) => Ajv

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
  return dialects.get(dialect) ?? Ajv2020
}
