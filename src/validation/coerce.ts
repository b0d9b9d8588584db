import type { ErrorObject } from 'ajv'
import type { Check } from './schema/compile.js'
import type { Raw } from '../content/pairs.js'
import { segmentsOf } from '../content/pointer.js'

/** Parameters after their check: the coerced copy, and ajv's errors when it does not match. */
export interface Checked<Value = Readonly<Record<string, unknown>>> {
  readonly value: Value
  readonly errors: readonly ErrorObject[] | undefined
}

type Split = (value: string) => string[]

// No sign or zeros that a parser could read in another way, no exponents, no hex.
const INTEGER = /^(?:0|-?[1-9]\d*)$/
const DECIMAL = /^-?(?:0|[1-9]\d*)\.\d+$/

const converters: Readonly<Record<string, (text: string, split: Split) => unknown>> = {
  integer: (text) => (INTEGER.test(text) ? safe(Number(text)) : undefined),
  number: (text) => (INTEGER.test(text) || DECIMAL.test(text) ? safe(Number(text)) : undefined),
  boolean: (text) => ({ true: true, false: false })[text],
  array: (text, split) => split(text),
}

/** A number that is the one that was written: 2^53 and more may not be. */
const safe = (value: number): number | undefined =>
  Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined

/**
 * Checks parameters in a copy in which strings became what the schema wants.
 *
 * The schema itself says where: a string that fails `type` is converted to that type, if it is
 * written exactly so, and the whole is checked again. So references, unions and conditions need no
 * second reading of the schema here, and a string that the schema accepts stays a string.
 */
export function checkParameters(
  check: Check,
  raw: ReadonlyMap<string, Raw>,
  split: Split,
): Checked {
  // Lists are copied once: converted item by item, a long one would be copied as often as it is long.
  const values = new Map([...raw].map(([name, value]) => [name, copyOf(value)]))
  for (;;) {
    // Unlike an assignment, this makes a member of the name __proto__.
    const value: Readonly<Record<string, unknown>> = Object.fromEntries(values)
    const errors = check(value)
    // Each turn converts at least one string, and none becomes a string again.
    const converted = errors?.filter((error) => convertAt(values, error, split)) ?? []
    if (converted.length === 0) return { value, errors }
  }
}

/** Converts the string that failed `type`; whether there was one that could be. */
function convertAt(values: Map<string, unknown>, error: ErrorObject, split: Split): boolean {
  const [name, index, ...deeper] = segmentsOf(error.instancePath)
  if (error.keyword !== 'type' || name === undefined || deeper.length > 0) return false
  const current = values.get(name)
  const types: unknown[] = [error.params['type']].flat()
  if (index === undefined) {
    const value = convert(current, types, split)
    if (value !== undefined) values.set(name, value)
    return value !== undefined
  }
  if (!Array.isArray(current)) return false
  const item = convert(current[Number(index)], types, split)
  if (item === undefined || Array.isArray(item)) return false
  current[Number(index)] = item
  return true
}

const copyOf = (value: unknown): unknown => (Array.isArray(value) ? [...value] : value)

function convert(text: unknown, types: readonly unknown[], split: Split): unknown {
  if (typeof text !== 'string') return undefined
  return types
    .map((type) => converters[String(type)]?.(text, split))
    .find((value) => value !== undefined)
}
