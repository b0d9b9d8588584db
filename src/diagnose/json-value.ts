/** A JSON object. */
export type Members = Readonly<Record<string, unknown>>

/** Tells objects from other values. */
export const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A text as JSON; undefined when it is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A member that is a text; undefined when it is none. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let found = value
  for (const name of path) found = isMembers(found) ? found[name] : undefined
  return typeof found === 'string' ? found : undefined
}
