import { isPromise } from '../../common/callback.js'
import { GatewayError } from '../../errors/gateway-error.js'
import { isSchemaObject } from './references.js'

/** What of a Standard Schema (standardschema.dev) with a JSON Schema is used. */
export interface StandardJsonSchema<Input = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate?: unknown
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined
    readonly jsonSchema: {
      readonly input: (options: { readonly target: 'draft-2020-12' }) => Record<string, unknown>
    }
  }
}

/** A standard schema taken apart. */
export interface Standard {
  readonly jsonSchema: object
  readonly validate: Call | undefined
}

type Call = (value: unknown) => unknown

const isHolder = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

/** A function of an object, as a method of it. */
function methodOf(holder: object, name: string): Call | undefined {
  const method: unknown = Reflect.get(holder, name)
  return typeof method === 'function'
    ? (value) => Reflect.apply(method, holder, [value]) as unknown
    : undefined
}

/**
 * The JSON Schema of a schema of zod, ArkType, Valibot and the like; undefined for what is none.
 *
 * @throws {TypeError} when it has no JSON Schema, or works asynchronously.
 */
export function standardOf(name: string, schema: unknown): Standard | undefined {
  // A JSON Schema that zod made only remembers what it was made of.
  if (!isHolder(schema) || isHidden(schema)) return undefined
  const standard: unknown = Reflect.get(schema, '~standard')
  if (!isHolder(standard)) return undefined
  const vendor = String(Reflect.get(standard, 'vendor'))
  const place = `validate: the schema of ${name} (${vendor})`
  const converter: unknown = Reflect.get(standard, 'jsonSchema')
  const input = isHolder(converter) ? methodOf(converter, 'input') : undefined
  if (input === undefined)
    throw new TypeError(`${place} has no ~standard.jsonSchema; ${adviceFor(vendor)}.`)
  const validate = methodOf(standard, 'validate')
  if (isAsync(schema) || (validate && givesPromise(validate)))
    throw new TypeError(
      `${place} is asynchronous; make its checks synchronous, or check that behind the gateway.`,
    )
  return { jsonSchema: jsonSchemaOf(place, input), validate }
}

const isHidden = (schema: object): boolean =>
  isSchemaObject(schema) &&
  Object.getPrototypeOf(schema) === Object.prototype &&
  Object.getOwnPropertyDescriptor(schema, '~standard')?.enumerable === false

const adviceFor = (vendor: string): string =>
  vendor === 'valibot'
    ? 'wrap it with toStandardJsonSchema of @valibot/to-json-schema'
    : 'use zod 4.2, ArkType 2.1.28 or later, or pass a JSON Schema'

function jsonSchemaOf(place: string, input: Call): object {
  const ignoreActions: string[] = []
  for (;;) {
    try {
      const options = { target: 'draft-2020-12', libraryOptions: { ignoreActions } }
      const found = input(options)
      if (isSchemaObject(found)) return found
      throw new Error('it gave none')
    } catch (error) {
      const said =
        error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 300) : 'unknown'
      // What Valibot cannot write in a JSON Schema, its own check finds afterwards.
      const action = /^The "(\w+)" action cannot be converted/.exec(said)?.[1]
      if (action === undefined || ignoreActions.includes(action))
        throw new TypeError(
          `${place} cannot be written as a JSON Schema: ${said}; check that part behind the gateway.`,
          { cause: error },
        )
      ignoreActions.push(action)
    }
  }
}

/** Valibot's asynchronous schemas always do; others show it where a check is reached. */
function givesPromise(validate: Call): boolean {
  try {
    const result = validate(undefined)
    if (isPromise(result)) result.then(undefined, () => {})
    return isPromise(result)
  } catch {
    return false
  }
}

const AsyncFunction = (async () => {}).constructor
// Schemas of schemas end; a hostile one need not.
const MOST_PARTS = 20_000

/**
 * Whether a schema has a check that is an async function: its verdict would come too late. zod keeps
 * its checks in definitions; Valibot says it of each action.
 */
function isAsync(schema: unknown): boolean {
  const seen = new Set<unknown>()
  const open: unknown[] = [schema]
  while (open.length > 0 && seen.size < MOST_PARTS) {
    const part = open.pop()
    if (part instanceof AsyncFunction) return true
    if (typeof part !== 'object' || part === null || seen.has(part)) continue
    seen.add(part)
    const definition: unknown = Reflect.get(part, '_zod')
    if (isHolder(definition)) open.push(Reflect.get(definition, 'def'))
    else if (Reflect.get(part, 'async') === true) return true
    else
      for (const name of Object.keys(part))
        if (!name.startsWith('~')) open.push(Reflect.get(part, name))
  }
  return false
}

/** What an issue of a standard schema says about its place. */
interface StandardIssue {
  readonly message?: unknown
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** An issue of a standard schema. */
export interface Custom {
  readonly segments: readonly string[]
  readonly detail: string
}

/**
 * Runs the checks that a standard schema has beyond its JSON Schema.
 *
 * @throws {GatewayError} `gateway_misconfigured` when it gives a promise.
 */
export function customIssues(validate: Call, value: unknown): readonly Custom[] {
  const result = validate(value)
  if (!isHolder(result) || isPromise(result))
    throw new GatewayError('gateway_misconfigured', {
      cause: new TypeError(
        'validate: a schema answered with a promise; its checks must not be asynchronous.',
      ),
    })
  const issues: unknown = Reflect.get(result, 'issues')
  return Array.isArray(issues) ? issues.map(customOf) : []
}

function customOf({ message, path = [] }: StandardIssue): Custom {
  const segments = path.map((part) => String(typeof part === 'object' ? part.key : part))
  const text = typeof message === 'string' && message !== '' ? message : 'is not accepted'
  return { segments, detail: text.length > 300 ? `${text.slice(0, 299)}…` : text }
}
