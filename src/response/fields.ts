import { http } from '../common/builtins.js'

/**
 * A field among the arguments of `writeHead`, which takes an object, a flat array or an array of
 * pairs, after an optional reason.
 */
export function fieldOf(args: readonly unknown[], name: string): string | undefined {
  return textOf(entriesOf(args).find(([key]) => String(key).toLowerCase() === name)?.[1])
}

/**
 * Checks the fields among the arguments of `writeHead` as Node will.
 *
 * @throws {TypeError} with Node's own codes.
 */
export function checkFields(args: readonly unknown[]): void {
  for (const [name, value] of entriesOf(args)) {
    http.validateHeaderName(String(name))
    for (const each of [value].flat()) http.validateHeaderValue(String(name), each as string)
  }
}

function entriesOf(args: readonly unknown[]): [unknown, unknown][] {
  const fields = typeof args[1] === 'string' ? args[2] : args[1]
  if (typeof fields !== 'object' || fields === null) return []
  return Array.isArray(fields) ? pairsOf(fields) : Object.entries(fields)
}

function pairsOf(fields: unknown[]): [unknown, unknown][] {
  if (Array.isArray(fields[0])) return fields as [unknown, unknown][]
  return fields.flatMap((key, at) => (at % 2 === 0 ? [[key, fields[at + 1]]] : []))
}

/** A field as text; several values become a list. */
export function textOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}
