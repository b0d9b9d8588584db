import type { ServerResponse } from 'node:http'
import { http } from '../common/builtins.js'
import { isRefused, reasonOf } from '../content/writable.js'

/**
 * A field among the arguments of `writeHead`, which takes an object, a flat array or an array of
 * pairs, after an optional reason.
 */
export function fieldOf(args: readonly unknown[], name: string): string | undefined {
  const fields = givenFields(args)
  if (Array.isArray(fields) && !Array.isArray(fields[0])) return fieldOfFlat(fields, name)
  return textOf(entriesOf(args).find(([key]) => isNamed(key, name))?.[1])
}

/** Every head of `forward` is such a list, and is asked for several fields. */
function fieldOfFlat(fields: readonly unknown[], name: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2)
    if (isNamed(fields[at], name)) return textOf(fields[at + 1])
  return undefined
}

const isNamed = (key: unknown, name: string): boolean => {
  const text = String(key)
  return text.length === name.length && text.toLowerCase() === name
}

/**
 * Checks the fields among the arguments of `writeHead` as Node will.
 *
 * @throws {TypeError} with Node's own codes.
 */
export function checkFields(args: readonly unknown[]): void {
  for (const [name, value] of entriesOf(args)) {
    http.validateHeaderName(String(name))
    for (const each of Array.isArray(value) ? value : [value])
      http.validateHeaderValue(String(name), each as string)
  }
}

/** The fields among the arguments of `writeHead`; those of one name have their values in a list. */
export function fieldsIn(args: readonly unknown[]): Map<string, string | string[]> {
  const fields = new Map<string, string | string[]>()
  const spelled = new Map<string, string>()
  for (const [key, value] of entriesOf(args)) {
    if (value === undefined || value === null) continue
    const lower = String(key).toLowerCase()
    const name = spelled.get(lower)
    const before = name === undefined ? undefined : fields.get(name)
    if (name === undefined || before === undefined) {
      spelled.set(lower, String(key))
      fields.set(String(key), Array.isArray(value) ? value.map(String) : String(value))
    } else fields.set(name, [before, value].flat().map(String))
  }
  return fields
}

const givenFields = (args: readonly unknown[]): unknown =>
  typeof args[1] === 'string' ? args[2] : args[1]

function entriesOf(args: readonly unknown[]): [unknown, unknown][] {
  const fields = givenFields(args)
  if (typeof fields !== 'object' || fields === null) return []
  return Array.isArray(fields) ? pairsOf(fields) : Object.entries(fields)
}

function pairsOf(fields: unknown[]): [unknown, unknown][] {
  if (Array.isArray(fields[0])) return fields as [unknown, unknown][]
  const pairs: [unknown, unknown][] = []
  for (let at = 0; at < fields.length; at += 2) pairs.push([fields[at], fields[at + 1]])
  return pairs
}

/** A field as text; several values become a list. */
export function textOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

/**
 * Takes off a head what Node has refused in it and nobody needs: a reason phrase with characters that
 * are not allowed, and `Trailer` where there are no chunks. Gives the arguments of `writeHead` to try
 * again with; undefined where it was something else.
 */
export function withoutRefused(
  res: ServerResponse,
  error: unknown,
  args: readonly unknown[],
): readonly unknown[] | undefined {
  if (isTrailerError(error)) {
    res.removeHeader('trailer')
    return args.map((arg) => withoutField(arg, 'trailer'))
  }
  if (!isRefused(res.statusMessage ?? '')) return undefined
  res.statusMessage = reasonOf(Math.trunc(Number(args[0] ?? res.statusCode)))
  return args.filter((arg, at) => at !== 1 || typeof arg !== 'string')
}

const isTrailerError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_HTTP_TRAILER_INVALID'

/** The fields of `writeHead` without one of them; every other argument as it is. */
function withoutField(arg: unknown, name: string): unknown {
  if (typeof arg !== 'object' || arg === null) return arg
  const isOther = (key: unknown) => String(key).toLowerCase() !== name
  if (!Array.isArray(arg))
    return Object.fromEntries(Object.entries(arg).filter(([key]) => isOther(key)))
  const pairs = pairsOf(arg).filter(([key]) => isOther(key))
  return Array.isArray(arg[0]) ? pairs : pairs.flat()
}
