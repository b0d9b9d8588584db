import { nearest } from './nearest.js'

/** How one option is checked, and what it must be, in words that mend it. */
export type Check = readonly [ok: (value: unknown) => boolean, mend: string]

/** The options that were given; an undefined one was not. */
export type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/**
 * Checks what the user has given and leaves the undefined out; the user's object stays as it is.
 *
 * @throws {TypeError} naming the factory, the option and the mend.
 */
export function checkedOptions<T extends object>(
  factory: string,
  options: T,
  checks: Readonly<Record<keyof T & string, Check>>,
): Given<T> {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${factory}: the options must be an object`)
  }
  // What a host passes to its middlewares: `app.use(problemDetails)`.
  if ('req' in options || 'headers' in options)
    throw new TypeError(`${factory}: call it where you mount it: app.use(${factory}(…))`)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!Object.hasOwn(checks, name)) throw unknownOption(factory, name, Object.keys(checks))
    const [ok, mend] = checks[name as keyof T & string]
    if (!ok(value)) throw new TypeError(`${factory}: option "${name}" must be ${mend}`)
  }
  return Object.fromEntries(given) as Given<T>
}

function unknownOption(factory: string, name: string, known: readonly string[]): TypeError {
  const meant = nearest(name, known)
  const mend = meant === undefined ? `it knows ${known.join(', ')}` : `did you mean "${meant}"?`
  return new TypeError(`${factory}: unknown option "${name}"; ${mend}`)
}

/** Longest delay that Node's timers can hold. */
const LONGEST_DELAY = 2 ** 31 - 1

const isTime = (value: unknown): boolean =>
  typeof value === 'number' && value > 0 && value <= LONGEST_DELAY

const TIME = `milliseconds above 0, up to ${LONGEST_DELAY}`
/** An option that is a time. */
export const time: Check = [isTime, TIME]
/** An option that is a time or switched off. */
export const timeOrFalse: Check = [(value) => value === false || isTime(value), `${TIME}, or false`]
/** An option that is a callback. */
export const callback: Check = [(value) => typeof value === 'function', 'a function']
/** An option that counts something. */
export const count: Check = [
  (value) => Number.isSafeInteger(value) && Number(value) > 0,
  'a whole number from 1',
]
/** An option that counts something up to a bound. */
export const countTo = (most: number): Check => [
  (value) => count[0](value) && Number(value) <= most,
  `a whole number from 1 to ${most}`,
]
/** An option that is one of a few words. */
export const oneOf = (...words: readonly string[]): Check => [
  (value) => typeof value === 'string' && words.includes(value),
  words.map((word) => `"${word}"`).join(' or '),
]
/** An option that is a text. */
export const text: Check = [
  (value) => typeof value === 'string' && value.trim() !== '',
  'a string that is not empty',
]
