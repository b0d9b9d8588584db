import { nearest } from './nearest.js'

/** How one option is checked, and what it must be, as the error says it. */
export type Check = readonly [ok: (value: unknown) => boolean, fix: string]

/** The options that were given; an option that is undefined was not given. */
export type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

/**
 * Checks the options of the user and leaves out those that are undefined. The user's object is not
 * changed.
 *
 * @throws {TypeError} naming the factory, the option and the fix.
 */
export function checkedOptions<T extends object>(
  factory: string,
  options: T,
  checks: Readonly<Record<keyof T & string, Check>>,
): Given<T> {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${factory}: the options must be an object`)
  }
  // A request or a context of a host: the user wrote `app.use(problemDetails)` without a call.
  const isRequest = 'rawHeaders' in options || ('headers' in options && !('headers' in checks))
  if ('req' in options || isRequest)
    throw new TypeError(`${factory}: call it where you mount it: app.use(${factory}(…))`)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!Object.hasOwn(checks, name)) throw unknownOption(factory, name, Object.keys(checks))
    const [ok, fix] = checks[name as keyof T & string]
    if (!ok(value)) throw new TypeError(`${factory}: option "${name}" must be ${fix}`)
  }
  return Object.fromEntries(given) as Given<T>
}

function unknownOption(factory: string, name: string, known: readonly string[]): TypeError {
  const meant = nearest(name, known)
  const fix =
    meant === undefined ? `the options are ${known.join(', ')}` : `did you mean "${meant}"?`
  return new TypeError(`${factory}: unknown option "${name}"; ${fix}`)
}

/** Longest delay that Node's timers can hold. */
const LONGEST_DELAY = 2 ** 31 - 1

const isTime = (value: unknown): boolean =>
  typeof value === 'number' && value > 0 && value <= LONGEST_DELAY

const TIME = `milliseconds above 0, up to ${LONGEST_DELAY}`
/** An option that is a time. */
export const time: Check = [isTime, TIME]
/** An option that is a time, or `false` for none. */
export const timeOrFalse: Check = [(value) => value === false || isTime(value), `${TIME}, or false`]
/** An option that is a callback. */
export const callback: Check = [(value) => typeof value === 'function', 'a function']
/** An option that is on or off. */
export const bool: Check = [(value) => typeof value === 'boolean', 'true or false']
/** An option that is a number of things. */
export const count: Check = [
  (value) => Number.isSafeInteger(value) && Number(value) > 0,
  'a whole number from 1',
]
/** An option that is a number of things, with a bound. */
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

const isStatus = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 400 && Number(value) <= 599
/** An option that is a list of statuses of errors. */
export const statuses: Check = [
  (value) => Array.isArray(value) && value.every(isStatus),
  'a list of statuses from 400 to 599',
]
