import { formats } from '#ajv'
import type { Ajv, AnySchema, Options, ValidateFunction } from 'ajv'
import { ajvClassOf, dialectOf, DRAFT_07 } from './dialects.js'
import { useLinearFormats } from './formats.js'
import { isSchemaObject } from './references.js'
import { shieldPatterns } from './shield.js'
import { useLinearUniqueItems } from './unique-items.js'

/** Options of ajv that may be set; the others are decided by how requests are checked. */
export type AjvOptions = Readonly<
  Omit<
    Options,
    | 'allErrors'
    | 'coerceTypes'
    | 'removeAdditional'
    | 'useDefaults'
    | '$data'
    | 'ownProperties'
    | 'verbose'
    | 'schemas'
    | 'loadSchema'
  >
>

/** What decides which compiler is shared. */
export interface CompilerOptions {
  /** Documents that a `$ref` may lead to, each with its `$id`. */
  readonly schemas?: readonly object[] | undefined
  readonly ajv?: AjvOptions | undefined
  /** Find everything that is wrong, not only the first thing. */
  readonly allErrors: boolean
}

/** Compiles the schemas of one dialect over one set of documents. */
export type Compile = (schema: AnySchema) => ValidateFunction

// Keyed by the identity of the caller's objects, so that 60 routes over one document compile its
// definitions once; weakly, so that the compilers go with them.
const shared = new WeakMap<object, WeakMap<object, Map<string, Compile>>>()
const NONE = Object.freeze({})

/**
 * The compiler for a dialect, the same for the same documents and options.
 *
 * @throws {TypeError} when a document cannot be registered.
 */
export function compilerFor(dialect: string, options: CompilerOptions): Compile {
  const { schemas = NONE, ajv = NONE, allErrors } = options
  const byOptions = getOrAdd(shared, schemas, () => new WeakMap<object, Map<string, Compile>>())
  const byDialect = getOrAdd(byOptions, ajv, () => new Map<string, Compile>())
  return getOrAdd(byDialect, `${dialect} ${allErrors}`, () => createCompiler(dialect, options))
}

interface Cache<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): unknown
}

function getOrAdd<K, V>(cache: Cache<K, V>, key: K, create: () => V): V {
  const known = cache.get(key)
  if (known !== undefined) return known
  const created = create()
  cache.set(key, created)
  return created
}

function createCompiler(dialect: string, options: CompilerOptions): Compile {
  const ajv = createAjv(dialect, options)
  const compiled = new WeakMap<object, ValidateFunction>()
  const documents = new Set(options.schemas?.map(idOf))
  return (schema) => {
    if (!isSchemaObject(schema)) return ajv.compile(schema)
    return getOrAdd(compiled, schema, () => compileOnce(ajv, canonical(schema, dialect), documents))
  }
}

/** Compiles and forgets: the $id of one route's schema must not get in the way of another's. */
function compileOnce(ajv: Ajv, schema: AnySchema, documents: ReadonlySet<unknown>) {
  try {
    return ajv.compile(schema)
  } finally {
    if (!documents.has(idOf(schema))) ajv.removeSchema(schema)
  }
}

const idOf = (schema: unknown): unknown => (isSchemaObject(schema) ? schema['$id'] : undefined)

/** A copy with the spelling of `$schema` that ajv knows; the caller's object stays as it is. */
function canonical(schema: AnySchema, dialect: string): AnySchema {
  if (!isSchemaObject(schema) || schema['$schema'] === undefined) return schema
  const spelling = String(schema['$schema']).replace(/#$/, '')
  return spelling === dialect ? schema : { ...schema, $schema: dialect }
}

function createAjv(
  dialect: string,
  { schemas = [], ajv: own = {}, allErrors }: CompilerOptions,
): Ajv {
  const AjvOfDialect = ajvClassOf(dialect)
  const ajv = new AjvOfDialect({
    // Ajv would print these to the console; a caller who sets `strict` gets them as errors.
    ...(own.strict === undefined && { strictTypes: false, strictTuples: false }),
    // Copies of shared definitions in each place make large documents slow to compile.
    inlineRefs: false,
    ...own,
    // It takes a third of the time of a mount, and V8 makes the same machine code of both.
    code: { optimize: false, ...own.code },
    allErrors,
    // Without it {} has the members of Object.prototype.
    ownProperties: true,
    // The schema of an error tells which branch of a union it belongs to.
    verbose: true,
  })
  useLinearUniqueItems(ajv)
  // Known to ajv's resolver, but not to its list of keywords.
  if (dialect !== DRAFT_07) ajv.addKeyword('$anchor')
  formats().default(ajv)
  useLinearFormats(ajv)
  if (allErrors) shieldPatterns(ajv)
  for (const [name, format] of Object.entries(own.formats ?? {}))
    if (format !== undefined) ajv.addFormat(name, format)
  for (const document of schemas) addDocument(ajv, document, dialect)
  return ajv
}

function addDocument(ajv: Ajv, document: object, dialect: string): void {
  if (dialectOf(document) !== dialect) return
  try {
    ajv.addSchema(canonical(document, dialect))
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new TypeError(`the document ${JSON.stringify(idOf(document))}: ${said}`, { cause: error })
  }
}
