import type { AnySchema, ErrorObject, ValidateFunction } from 'ajv'
import { GatewayError, type Issue } from '../../errors/gateway-error.js'
import { type AjvOptions, compilerFor, type CompilerOptions } from './compiler.js'
import { dialectOf } from './dialects.js'
import { warnOfHazards } from './hazards.js'
import { type Issues, issuesOf } from '../issues/issues.js'
import { type Follow, isSchemaObject, referencesOf } from './references.js'

/** A JSON Schema, or a function that ajv compiled before. */
export type Schema = object | boolean | ValidateFunction

/** Checks a value: ajv's errors, undefined when it matches. */
export type Check = (value: unknown) => readonly ErrorObject[] | undefined

/** A compiled schema of one part. */
export interface Checker {
  readonly check: Check
  /** Turns the errors that ajv found in a value into issues. */
  explain(errors: readonly ErrorObject[], value: unknown): Issues
}

/** What of the options of `validate` bears on compiling. */
export interface CompileSettings {
  readonly schemas: readonly object[] | undefined
  readonly ajv: AjvOptions | undefined
  readonly maxErrors: number
}

// One index per list of documents: it is as large as they are.
const followers = new WeakMap<object, Follow>()

/**
 * Compiles the schema of one part, at mount.
 *
 * @param name - What the schema is called in errors.
 * @throws {TypeError} in one line that names the part, what is wrong and the mend.
 */
export function compile(
  part: Issue['in'],
  schema: Schema,
  settings: CompileSettings,
  name: string = part,
): Checker {
  const allErrors = findsAll(part, settings.maxErrors)
  const validate = functionOf(labelOf(name, schema), schema, { ...settings, allErrors })
  if (isAsync(validate)) throw new TypeError(`validate: the schema of ${name} must not be $async.`)
  const { schemas, maxErrors } = settings
  warnOfHazards(name, validate.schema)
  schemas?.forEach((document) => warnOfHazards('a document of the option schemas', document))
  const firstOnly = isCompiled(schema) || !allErrors
  const follow = followerOf(validate.schema, schemas)
  return {
    check: (value) => run(validate, value),
    explain: (errors, value) =>
      issuesOf(errors, { in: part, value, max: maxErrors, follow, firstOnly }),
  }
}

/** A part, with the identifier that its schema has: several routes have a body. */
function labelOf(name: string, schema: Schema): string {
  const id = isSchemaObject(schema) ? schema['$id'] : undefined
  return typeof id === 'string' ? `${name} (${id})` : name
}

function functionOf(name: string, schema: Schema, options: CompilerOptions): ValidateFunction {
  if (isCompiled(schema)) return schema
  if (typeof schema !== 'boolean' && !isSchemaObject(schema))
    throw new TypeError(
      `validate: the schema of ${name} must be a JSON Schema (an object or a boolean) or a function compiled by ajv.`,
    )
  try {
    const build = compilerFor(dialectOf(schema), options)
    return build(schema satisfies AnySchema)
  } catch (error) {
    throw wrong(name, error)
  }
}

// Parameters are few, and coercion is quicker when all that need it are known at once.
const findsAll = (part: Issue['in'], maxErrors: number): boolean =>
  maxErrors > 1 || (part !== 'body' && part !== 'response')

const isCompiled = (schema: Schema): schema is ValidateFunction => typeof schema === 'function'

function run(validate: ValidateFunction, value: unknown): readonly ErrorObject[] | undefined {
  const matches: unknown = validate(value)
  // A foreign function may give a promise, which must not count as a match.
  if (typeof matches !== 'boolean')
    throw new GatewayError('gateway_misconfigured', {
      cause: new TypeError('validate: a precompiled schema did not return a boolean.'),
    })
  return matches ? undefined : (validate.errors ?? [])
}

const isAsync = (validate: ValidateFunction): boolean =>
  isSchemaObject(validate.schema) && validate.schema['$async'] === true

function followerOf(schema: unknown, documents: readonly object[] = []): Follow {
  const known = isSchemaObject(schema) ? followers.get(schema) : undefined
  const follow = known ?? referencesOf([schema, ...documents])
  if (isSchemaObject(schema)) followers.set(schema, follow)
  return follow
}

/** What ajv says about a schema, and what to do about it. */
const mends: readonly [RegExp, string][] = [
  [/unknown keyword/, 'correct it, or allow it with ajv: { keywords: [its name] }'],
  [/unknown format/, 'correct it, or define it with ajv: { formats: { … } }'],
  [
    /can't resolve reference/,
    'pass the document that has it, of the same $schema, in the option schemas',
  ],
  [/no schema with key or ref/, 'use draft-07, 2019-09 or 2020-12 as $schema'],
  [/resolves to more than one|already exists/, 'give each document an $id of its own'],
  [/strict mode/, 'correct it, or pass ajv: { strict: false }'],
  [/Code generation from strings/, 'pass a function that ajv compiled at build time'],
]

function wrong(name: string, error: unknown): TypeError {
  const said =
    error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 500) : String(error)
  const mend = mends.find(([pattern]) => pattern.test(said))?.[1] ?? 'correct the schema'
  return new TypeError(`validate: the schema of ${name} does not compile: ${said}; ${mend}.`, {
    cause: error,
  })
}
