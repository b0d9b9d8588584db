/** A refusal of a provider, with its status. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export type Json = Readonly<Record<string, unknown>>

/** Refuses a request that the real API would refuse. */
export function check(ok: boolean, message: string): asserts ok {
  if (!ok) throw new Refusal(400, message)
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An object with no members but these; `null` stands for a member that is not there. */
export function object(value: unknown, at: string, members: readonly string[]): Json {
  check(isObject(value), `${at}: must be an object`)
  for (const name of Object.keys(value))
    check(members.includes(name), `${at}.${name}: extra inputs are not permitted`)
  return value
}

/** A list that is not empty. */
export function list(value: unknown, at: string): readonly unknown[] {
  check(Array.isArray(value) && value.length > 0, `${at}: must be a list that is not empty`)
  return value
}

export function text(value: unknown, at: string): string {
  check(typeof value === 'string' && value !== '', `${at}: must be a string that is not empty`)
  return value
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value)
}

export function oneOf(value: unknown, at: string, values: readonly unknown[]): void {
  check(values.includes(value), `${at}: must be one of ${values.join(', ')}`)
}

export function number(value: unknown, at: string, [from, to]: readonly [number, number]): void {
  check(
    typeof value === 'number' && value >= from && value <= to,
    `${at}: must be ${from} to ${to}`,
  )
}
