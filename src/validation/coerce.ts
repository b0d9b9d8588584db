import type { ErrorObject } from 'ajv'
import type { Check } from './schema/compile.js'
import { segmentsOf } from '../content/pointer.js'

/** Parameters after their check: the coerced copy, and ajv's errors when it does not match. */
export interface Checked<Value = Readonly<Record<string, unknown>>> {
  readonly value: Value
  readonly errors: readonly ErrorObject[] | undefined
}

/** How strings become what a schema wants. */
export interface Coercion {
  /** The items of a list that is written as one text. */
  split(text: string, name: string): string[]
  /** The object that a text stands for; undefined when it is none. */
  parse?(text: string): unknown
  /** Parameters whose strings are strings. */
  readonly exact?: ReadonlySet<string>
}

// No sign or zeros that a parser could read in another way, no exponents, no hex.
const INTEGER = /^(?:0|-?[1-9]\d*)$/
const DECIMAL = /^-?(?:0|[1-9]\d*)\.\d+$/

/** Formats of integers that a number of JavaScript cannot hold exactly, with their bounds. */
const WIDE: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}

function integer(text: string, format: unknown): number | undefined {
  if (!INTEGER.test(text)) return undefined
  const range = typeof format === 'string' ? WIDE[format] : undefined
  if (range === undefined) return safe(Number(text))
  // The longest has 20 digits and a sign; a longer text would take time to read.
  const value = text.length > 21 ? undefined : BigInt(text)
  return value !== undefined && value >= range[0] && value <= range[1] ? Number(text) : undefined
}

const number = (text: string, format: unknown): number | undefined =>
  DECIMAL.test(text) ? safe(Number(text)) : integer(text, format)

/** A number that is the one that was written: 2^53 and more may not be. */
const safe = (value: number): number | undefined =>
  Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined

const scalars: Readonly<Record<string, (text: string, format: unknown) => unknown>> = {
  integer,
  number,
  boolean: (text) => ({ true: true, false: false })[text],
}

/**
 * Checks parameters in a copy in which strings became what the schema wants.
 *
 * The schema itself says where: a string that fails `type` is converted to that type, if it is
 * written exactly so, and the whole is checked again. So references, unions and conditions need no
 * second reading of the schema here, and a string that the schema accepts stays a string.
 */
export function checkParameters(
  check: Check,
  raw: ReadonlyMap<string, unknown>,
  coercion: Coercion,
): Checked {
  // Copied once: converted item by item, a long list would be copied as often as it is long.
  const values = new Map([...raw].map(([name, value]) => [name, copyOf(value)]))
  const parsedAt: string[] = []
  for (;;) {
    // Unlike an assignment, this makes a member of the name __proto__.
    const value: Readonly<Record<string, unknown>> = Object.fromEntries(values)
    const errors = check(value)
    // Each turn converts at least one string, and none becomes a string again.
    const converted =
      errors?.filter((error) => convertAt({ values, parsedAt }, error, coercion)) ?? []
    if (converted.length === 0) return { value, errors }
  }
}

/** Objects and lists of strings, in which strings can be replaced. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyOf(inner)]))
}

interface Conversion {
  readonly values: Map<string, unknown>
  /** Where a text was parsed: what is inside has types of its own. */
  readonly parsedAt: string[]
}

/** Converts what failed `type`; whether there was something that could be. */
function convertAt(
  { values, parsedAt }: Conversion,
  error: ErrorObject,
  coercion: Coercion,
): boolean {
  const { instancePath } = error
  const [name = '', ...inner] = segmentsOf(instancePath)
  const isExact =
    coercion.exact?.has(name) || parsedAt.some((place) => instancePath.startsWith(place))
  if (error.keyword !== 'type' || instancePath === '' || isExact) return false
  const spot = spotOf(values, [name, ...inner])
  if (spot === undefined) return false
  const split = (text: string) => (inner.length === 0 ? coercion.split(text, name) : [text])
  const converted = convert(spot.current, error, split)
  const value = converted ?? parsed(spot.current, error, coercion)
  if (value === undefined) return false
  if (converted === undefined) parsedAt.push(`${instancePath}/`)
  replace(spot.holder, spot.key, value)
  return true
}

/** Where a value stands, so that it can be replaced. */
interface Spot {
  readonly holder: object
  readonly key: string
  readonly current: unknown
}

function spotOf(values: Map<string, unknown>, segments: readonly string[]): Spot | undefined {
  const key = segments.at(-1) ?? ''
  if (segments.length === 1) return { holder: values, key, current: values.get(key) }
  const holder = holderOf(values.get(segments[0] ?? ''), segments.slice(1, -1))
  return holder && { holder, key, current: Reflect.get(holder, key) }
}

function replace(holder: object, key: string, value: unknown): void {
  if (holder instanceof Map) holder.set(key, value)
  // Unlike an assignment, this reaches a member of the name __proto__.
  else Object.defineProperty(holder, key, { value })
}

function holderOf(top: unknown, segments: readonly string[]): object | undefined {
  let value = top
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment))
      return undefined
    value = Reflect.get(value, segment)
  }
  return typeof value === 'object' && value !== null ? value : undefined
}

const typesOf = ({ params }: ErrorObject): unknown[] => [params['type']].flat()

function convert(current: unknown, error: ErrorObject, split: (text: string) => string[]): unknown {
  const types = typesOf(error)
  if (types.includes('array') && !Array.isArray(current)) return listOf(current, split)
  if (typeof current !== 'string') return undefined
  const format: unknown = error.parentSchema?.['format']
  return types
    .map((type) => scalars[String(type)]?.(current, format))
    .find((value) => value !== undefined)
}

/** A list that is one text, or that qs would make of the names `a[0]`, `a[1]`. */
function listOf(current: unknown, split: (text: string) => string[]): unknown {
  if (typeof current === 'string') return split(current)
  if (typeof current !== 'object' || current === null) return undefined
  const keys = Object.keys(current)
  return keys.every((key, at) => key === String(at)) ? Object.values(current) : undefined
}

function parsed(current: unknown, error: ErrorObject, { parse }: Coercion): unknown {
  if (typeof current !== 'string' || !typesOf(error).includes('object')) return undefined
  return parse?.(current)
}
