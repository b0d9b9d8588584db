import { type Check, checkedOptions, countTo, oneOf, time } from '../common/options.js'
import { size, sizeOf } from '../common/size.js'
import type { CompileSettings } from './schema/compile.js'
import type { AjvOptions } from './schema/compiler.js'
import { checkContentTypes } from '../content/media-type.js'

/** Options of `validate`. */
export interface ValidateOptions {
  /** Most bytes of a body, before and after decompression; a number, or text such as '1mb'. @defaultValue `'1mb'` */
  readonly limit?: string | number | undefined
  /** Media types that are accepted, read as JSON but for forms; '+json' stands for all with this suffix. @defaultValue `['application/json', '+json']` */
  readonly contentType?: readonly string[] | undefined
  /** `report` lets everything through, and tells `onError` what would have been answered. @defaultValue `'enforce'` */
  readonly mode?: 'enforce' | 'report' | undefined
  /** Most entries of `errors`, 1 to 20; with 1 the check stops at the first. @defaultValue `1` */
  readonly maxErrors?: number | undefined
  /** Most levels of nesting of a body, 1 to 512. @defaultValue `64` */
  readonly maxDepth?: number | undefined
  /**
   * What happens to names that the schema does not declare, but lenient readers take for a declared
   * one: `ROLE` beside `role`, `role[$ne]` in a query. @defaultValue `'refuse'`
   */
  readonly lookalikes?: 'refuse' | 'pass' | undefined
  /** Milliseconds until the whole body must have arrived. @defaultValue `30_000` */
  readonly bodyTimeout?: number | undefined
  /** Documents that a `$ref` may lead to, each with its `$id`; nothing is ever fetched. @defaultValue `[]` */
  readonly schemas?: readonly object[] | undefined
  /** Options of ajv, such as `formats`, `keywords` or `strict`; never an instance. @defaultValue `{}` */
  readonly ajv?: AjvOptions | undefined
}

/** Bounds and types of a body. */
export interface BodyRules {
  /** Most bytes, before and after the content coding is undone. */
  readonly limit: number
  /** Media types that are accepted. */
  readonly contentType: readonly string[]
  /** Most levels of nesting. */
  readonly maxDepth: number
  /** Most errors that are listed. */
  readonly maxErrors: number
  /** Whether names that may be taken for declared ones are refused. */
  readonly lookalikes: 'refuse' | 'pass'
  /** Milliseconds until the whole body must have arrived. */
  readonly bodyTimeout: number
}

/** Checked options with their defaults. */
export interface Settings extends BodyRules, CompileSettings {
  readonly mode: 'enforce' | 'report'
}

/** Options of ajv that would make the verdict one about something else than what is forwarded. */
const decided: Readonly<Record<string, string>> = {
  allErrors: 'use the option maxErrors',
  coerceTypes: 'query, params, headers and cookies are coerced already, and a body never is',
  removeAdditional: 'the body is forwarded as it came',
  useDefaults: 'the request is forwarded as it came',
  $data: 'it takes limits and patterns from the client',
  ownProperties: 'it is always on',
  verbose: 'it is always on',
  schemas: 'use the option schemas of validate',
  loadSchema: 'nothing is fetched; use the option schemas of validate',
}

// ajv checks recursive schemas by recursion, and the stack must last.
const DEEPEST = 512

const DEFAULTS = {
  limit: '1mb',
  contentType: ['application/json', '+json'],
  mode: 'enforce',
  maxErrors: 1,
  maxDepth: 64,
  lookalikes: 'refuse',
  bodyTimeout: 30_000,
  schemas: undefined,
  ajv: undefined,
} as const

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** How the options of `validate` are checked. */
// prettier-ignore
export const CHECKS: Record<keyof ValidateOptions, Check> = {
  limit: size,
  contentType: [(value) => Array.isArray(value) && value.length > 0, "a list such as ['application/json']"],
  mode: oneOf('enforce', 'report'),
  maxErrors: countTo(20),
  maxDepth: countTo(DEEPEST),
  lookalikes: oneOf('refuse', 'pass'),
  bodyTimeout: time,
  schemas: [Array.isArray, 'a list of documents'],
  ajv: [(value) => isObject(value) && !('compile' in Object(value)), 'an object of options for ajv, not an instance'],
}

/**
 * Checks the options of `validate` and fills in the defaults.
 *
 * @throws {TypeError} in one line that names the option and the fix.
 */
export function settingsOf(options: ValidateOptions): Settings {
  const given = { ...DEFAULTS, ...checkedOptions('validate', options, CHECKS) }
  checkContentTypes(given.contentType)
  checkDocuments(given.schemas ?? [])
  checkAjv(given.ajv ?? {})
  return { ...given, limit: sizeOf(given.limit) }
}

function checkDocuments(schemas: readonly object[]): void {
  for (const [index, document] of schemas.entries())
    if (typeof (document as { $id?: unknown } | null)?.$id !== 'string')
      throw new TypeError(
        `validate: schemas[${index}] has no $id; give it one as { ...document, $id: 'https://…' }.`,
      )
}

function checkAjv(ajv: AjvOptions): void {
  for (const name of Object.keys(ajv))
    if (Object.hasOwn(decided, name))
      throw new TypeError(`validate: ajv.${name} cannot be set: ${decided[name]}.`)
}
