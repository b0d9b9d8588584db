import bytes from 'bytes'
import type { BodyRules } from './body.js'
import type { AjvOptions } from './compiler.js'
import { checkContentTypes } from './content-type.js'
import { nearest } from './nearest.js'

/** Options of `validate`. */
export interface ValidateOptions {
  /** Most bytes of a body, before and after decompression; a number, or text such as '1mb'. @default '1mb' */
  readonly limit?: string | number | undefined
  /** JSON media types that are accepted; '+json' stands for all with this suffix. @default ['application/json', '+json'] */
  readonly contentType?: readonly string[] | undefined
  /** `report` lets everything through, and tells `onError` what would have been answered. @default 'enforce' */
  readonly mode?: 'enforce' | 'report' | undefined
  /** Most entries of `errors`, 1 to 20; with 1 the check stops at the first. @default 1 */
  readonly maxErrors?: number | undefined
  /** Most levels of nesting of a body, 1 to 512. @default 64 */
  readonly maxDepth?: number | undefined
  /** Milliseconds until the whole body must have arrived. @default 30_000 */
  readonly bodyTimeout?: number | undefined
  /** Documents that a `$ref` may lead to, each with its `$id`; nothing is ever fetched. @default [] */
  readonly schemas?: readonly object[] | undefined
  /** Options of ajv, such as `formats`, `keywords` or `strict`; never an instance. @default {} */
  readonly ajv?: AjvOptions | undefined
}

/** Checked options with their defaults. */
export interface Settings extends BodyRules {
  readonly mode: 'enforce' | 'report'
  readonly maxErrors: number
  readonly bodyTimeout: number
  readonly schemas: readonly object[] | undefined
  readonly ajv: AjvOptions | undefined
}

const NAMES: readonly string[] = [
  'limit',
  'contentType',
  'mode',
  'maxErrors',
  'maxDepth',
  'bodyTimeout',
  'schemas',
  'ajv',
] satisfies (keyof ValidateOptions)[]

// Beyond this Node's timers fire at once.
const LONGEST_TIMER = 2 ** 31 - 1
// ajv checks recursive schemas by recursion, and the stack must last.
const DEEPEST = 512

/** Options of ajv that would make the verdict one about something else than what is forwarded. */
const decided: Readonly<Record<string, string>> = {
  allErrors: 'use the option maxErrors',
  coerceTypes: 'query, params, headers and cookies are coerced already, and a body never is',
  removeAdditional: 'the body is forwarded as it came',
  useDefaults: 'the request is forwarded as it came',
  $data: 'it takes limits and patterns from the client',
  ownProperties: 'it is always on',
  verbose: 'it is always on',
  schemas: 'use the option schemas of validate()',
  loadSchema: 'nothing is fetched; use the option schemas of validate()',
}

/**
 * Checks the options of `validate` and fills in the defaults.
 *
 * @throws {TypeError} in one line that names the option and the mend.
 */
export function settingsOf(options: ValidateOptions): Settings {
  checkNames(options)
  const { contentType = ['application/json', '+json'], schemas, ajv } = options
  checkContentTypes(contentType)
  checkDocuments(schemas)
  checkAjv(ajv)
  return {
    limit: bytesOf(options.limit ?? '1mb'),
    contentType,
    mode: modeOf(options.mode ?? 'enforce'),
    maxErrors: whole('maxErrors', options.maxErrors ?? 1, 20),
    maxDepth: whole('maxDepth', options.maxDepth ?? 64, DEEPEST),
    bodyTimeout: whole('bodyTimeout', options.bodyTimeout ?? 30_000, LONGEST_TIMER),
    schemas,
    ajv,
  }
}

function checkNames(options: ValidateOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('validate(): the options must be an object.')
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name))
  if (unknown === undefined) return
  const meant = nearest(unknown, NAMES)
  throw new TypeError(
    `validate(): unknown option ${JSON.stringify(unknown)}; ` +
      (meant === undefined ? `the options are ${NAMES.join(', ')}.` : `did you mean ${meant}?`),
  )
}

function bytesOf(limit: string | number): number {
  const number = typeof limit === 'string' ? bytes.parse(limit) : limit
  if (Number.isSafeInteger(number) && Number(number) > 0) return Number(number)
  throw new TypeError(
    `validate(): limit must be a size such as '1mb' or a number of bytes, not ${JSON.stringify(limit)}.`,
  )
}

function modeOf(mode: 'enforce' | 'report'): 'enforce' | 'report' {
  if (mode === 'enforce' || mode === 'report') return mode
  throw new TypeError('validate(): mode must be "enforce" or "report".')
}

function whole(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new TypeError(`validate(): ${name} must be a whole number from 1 to ${most}.`)
}

function checkDocuments(schemas: readonly object[] | undefined): void {
  if (schemas === undefined) return
  if (!Array.isArray(schemas))
    throw new TypeError('validate(): schemas must be a list of documents.')
  for (const [index, document] of schemas.entries())
    if (typeof document?.$id !== 'string')
      throw new TypeError(
        `validate(): schemas[${index}] has no $id; give it one as { ...document, $id: 'https://…' }.`,
      )
}

function checkAjv(ajv: AjvOptions | undefined): void {
  if (ajv === undefined) return
  if (typeof ajv !== 'object' || ajv === null || 'compile' in ajv)
    throw new TypeError('validate(): ajv must be an object of options for ajv, not an instance.')
  for (const name of Object.keys(ajv))
    if (Object.hasOwn(decided, name))
      throw new TypeError(`validate(): ajv.${name} cannot be set: ${decided[name]}.`)
}
