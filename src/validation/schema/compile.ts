import type { AnySchema, ErrorObject, ValidateFunction } from 'ajv'
import { GatewayError, type Issue } from '../../errors/gateway-error.js'
import { Budget } from './budget.js'
import { type AjvOptions, compilerFor, type CompilerOptions } from './compiler.js'
import { dialectOf } from './dialects.js'
import { withOwnNames } from './engine.js'
import { warnOfHazards } from './hazards.js'
import { type Context, type Issues, issuesOf, type NameOf, placeOf } from '../issues/issues.js'
import { type Place, placesOf } from './places.js'
import { type Follow, isSchemaObject, referencesOf } from './references.js'
import { customIssues, type Standard, type StandardJsonSchema, standardOf } from './standard.js'

/**
 * A JSON Schema, a function that ajv compiled before, or a schema of zod, ArkType or Valibot that
 * has a JSON Schema.
 */
export type Schema = object | boolean | ValidateFunction | StandardJsonSchema

/** Checks a value: ajv's errors, undefined when it matches. */
export type Check = (value: unknown) => readonly ErrorObject[] | undefined

/** What is known of a value beside its schema. */
export interface About {
  /** Characters or bytes of the text that it was parsed from. */
  readonly size?: number | undefined
  readonly nameOf?: NameOf | undefined
}

/** A compiled schema of one part. */
export interface Checker {
  /** Decides; of a body only the first error is found. */
  readonly check: Check
  /** Turns the errors that ajv found in a value into issues, after a search for all where they are wanted. */
  explain(errors: readonly ErrorObject[], value: unknown, about?: About): Issues
  /** Runs the checks that a schema has beyond its JSON Schema, on a value that matches that. */
  refine?: ((value: unknown, about?: About) => readonly Issue[]) | undefined
  /** What the schema declares; undefined where it declares nothing. */
  readonly place: Place | undefined
}

/** What of the options of `validate` bears on compiling. */
export interface CompileSettings {
  readonly schemas: readonly object[] | undefined
  readonly ajv: AjvOptions | undefined
  readonly maxErrors: number
}

/**
 * Compiles the schema of one part, at mount.
 *
 * @param name - What the schema is called in errors.
 * @throws {TypeError} in one line that names the part, what is wrong and the fix.
 */
export function compile(
  part: Issue['in'],
  given: Schema,
  settings: CompileSettings,
  name: string = part,
): Checker {
  const standard = standardOf(name, given)
  const schema = standard?.jsonSchema ?? given
  const label = labelOf(name, schema)
  const isBody = part === 'body' || part === 'response'
  const functionFor = (allErrors: boolean) => functionOf(label, schema, { ...settings, allErrors })
  // Parameters are few, and coercion is quicker when all that need it are known at once.
  const validate = functionFor(!isBody)
  checkFunction(name, validate, settings)
  const findsMore = isBody && settings.maxErrors > 1 && !isCompiled(schema)
  return checkerOf(validate, {
    in: part,
    max: settings.maxErrors,
    follow: followerOf(validate.schema, settings.schemas),
    firstOnly: isBody || isCompiled(schema),
    findAll: findsMore ? searcher(() => functionFor(true)) : undefined,
    refine: standard?.validate,
  })
}

function checkFunction(
  name: string,
  validate: ValidateFunction,
  { schemas = [] }: CompileSettings,
): void {
  if (isAsync(validate)) throw new TypeError(`validate: the schema of ${name} must not be $async.`)
  warnOfHazards(name, validate.schema)
  for (const document of schemas) warnOfHazards('a document of the option schemas', document)
}

interface Findings extends Omit<Context, 'value'> {
  readonly findAll: ReturnType<typeof searcher> | undefined
  readonly refine: Standard['validate']
}

function checkerOf(validate: ValidateFunction, { findAll, refine, ...context }: Findings): Checker {
  let place: { readonly root: Place | undefined } | undefined
  return {
    check: (value) => run(validate, value),
    explain: (errors, value, { size = 0, nameOf } = {}) => {
      const about = { value, nameOf, ...context }
      const all = findAll?.(value, size, about)
      if (all !== undefined) return all
      const issues = issuesOf(errors, about)
      return findAll === undefined ? issues : { ...issues, truncated: true }
    },
    refine:
      refine && ((value, { nameOf } = {}) => refineWith(refine, value, { ...context, nameOf })),
    get place() {
      place ??= { root: placesOf(validate.schema, context.follow) }
      return place.root
    },
  }
}

/** Finds all errors of a value, where that costs little; the function for it is compiled when it is needed. */
function searcher(compileAll: () => ValidateFunction) {
  const budget = new Budget()
  let findAll: ValidateFunction | undefined
  return (value: unknown, size: number, about: Omit<Context, 'firstOnly'>): Issues | undefined => {
    const validate = (findAll ??= compileAll())
    return budget.spend(size, () =>
      issuesOf(run(validate, value) ?? [], { ...about, firstOnly: false }),
    )
  }
}

function refineWith(
  refine: (value: unknown) => unknown,
  value: unknown,
  context: { readonly in: Issue['in']; readonly max: number; readonly nameOf: NameOf | undefined },
): readonly Issue[] {
  return customIssues(refine, value)
    .slice(0, context.max)
    .map(({ segments, detail }) => ({
      in: context.in,
      ...placeOf(segments, context),
      code: 'custom',
      detail,
    }))
}

/** A part, with the identifier that its schema has: several routes have a body. */
function labelOf(name: string, schema: Schema): string {
  const id = isSchemaObject(schema) ? schema['$id'] : undefined
  return typeof id === 'string' ? `${name} (${id})` : name
}

function functionOf(name: string, schema: Schema, options: CompilerOptions): ValidateFunction {
  if (isCompiled(schema)) return schema
  if (typeof schema !== 'boolean' && !isPlain(schema))
    throw new TypeError(
      `validate: the schema of ${name} must be a JSON Schema (an object or a boolean), a function compiled by ajv, or a Standard JSON Schema such as zod 4.2's.`,
    )
  try {
    const build = compilerFor(dialectOf(schema), { ...options, ajv: withOwnNames(options.ajv) })
    return build(schema satisfies AnySchema)
  } catch (error) {
    throw wrong(name, error)
  }
}

/** An instance of a class is the schema of some library; read as a JSON Schema it would allow everything. */
function isPlain(schema: unknown): schema is object {
  if (!isSchemaObject(schema)) return false
  const prototype: unknown = Object.getPrototypeOf(schema)
  // Of an object from another realm, too.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Other functions, such as a validator of some library, would not say what is wrong. */
const isCompiled = (schema: Schema): schema is ValidateFunction =>
  typeof schema === 'function' && Reflect.get(schema, 'schema') !== undefined

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

// One index per list of documents, since it is as large as they are, and one per schema.
const followers = new WeakMap<object, Follow>()
const NO_DOCUMENTS: readonly object[] = []

function followerOf(schema: unknown, documents: readonly object[] = NO_DOCUMENTS): Follow {
  if (!isSchemaObject(schema)) return () => undefined
  const known = followers.get(schema)
  if (known !== undefined) return known
  const shared = followers.get(documents) ?? referencesOf(documents)
  followers.set(documents, shared)
  const own = referencesOf([schema])
  const follow: Follow = (from) => own(from) ?? shared(from)
  followers.set(schema, follow)
  return follow
}

/** What ajv says about a schema, and what to do about it. */
const fixes: readonly [RegExp, string][] = [
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
  const fix = fixes.find(([pattern]) => pattern.test(said))?.[1] ?? 'correct the schema'
  return new TypeError(`validate: the schema of ${name} does not compile: ${said}; ${fix}.`, {
    cause: error,
  })
}
