import type { Code, Retry } from '../errors/codes.js'
import type { ProxyStatus } from '../errors/gateway-error.js'

/** What a low-level error means, in our words: a code, and where it differs from the code's own row. */
export interface Failure {
  readonly code: Code
  /** Error token and parameters of `Proxy-Status` instead of the code's own (RFC 9209, section 2.3). */
  readonly proxyStatus?: ProxyStatus
  /** Retry class instead of the code's own. */
  readonly retry?: Retry
  /** Whether it speaks against the health of the upstream. */
  readonly counts: boolean
  /** Status instead of the code's own. */
  readonly status?: number
}

/** A failure, or how to find it where the code of an error alone does not tell. */
export type Rule = Failure | ((error: object) => Failure | undefined)

/** Error codes or names, separated by white space, that share one rule. */
export type Entry = readonly [keys: string, rule: Rule]

type Differences = Omit<Failure, 'code' | 'counts'>

/** A failure that counts against the circuit breaker. */
export const counted = (code: Code, differences: Differences = {}): Failure =>
  freeze({ code, counts: true, ...differences })

/** A failure that says nothing about the upstream's health. */
export const neutral = (code: Code, differences: Differences = {}): Failure =>
  freeze({ code, counts: false, ...differences })

function freeze(failure: Failure): Failure {
  Object.freeze(failure.proxyStatus)
  return Object.freeze(failure)
}

/** Indexes a table, so that finding a rule does not depend on its length. */
export const index = (entries: readonly Entry[]): ReadonlyMap<unknown, Rule> =>
  new Map(
    entries.flatMap(([keys, rule]) =>
      keys
        .trim()
        .split(/\s+/)
        .map((key) => [key, rule] as const),
    ),
  )

/** What a rule says about an error. */
export const apply = (rule: Rule | undefined, error: object): Failure | undefined =>
  typeof rule === 'function' ? rule(error) : rule

/** Tells objects from the other values that can be thrown. */
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null

/** Reads a property of a foreign object, whose getters and traps may throw. */
export function read(target: unknown, key: string): unknown {
  try {
    return isObject(target) || typeof target === 'function' ? Reflect.get(target, key) : undefined
  } catch {
    return undefined
  }
}

const LONGEST_TEXT = 1000

/** Reads a property as text, cut to what a regular expression may be given; empty when it is none. */
export function text(target: unknown, key: string): string {
  const value = read(target, key)
  return typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : ''
}

type Syscall = 'connect' | 'bind' | 'read' | 'write' | 'lookup' | 'query' | 'none'
const SYSCALLS: ReadonlyMap<string, Syscall> = new Map([
  ['', 'none'],
  ['connect', 'connect'],
  ['bind', 'bind'],
  ['read', 'read'],
  ['write', 'write'],
  ['getaddrinfo', 'lookup'],
])

/** Chooses by what the system was asked to do: the same code means different things. */
export function bySyscall(rules: Partial<Record<Syscall | 'otherwise', Rule>>): Rule {
  return (error) => {
    // node-fetch has a spelling of its own.
    const name = text(error, 'syscall') || text(error, 'erroredSysCall')
    // c-ares: queryA, queryAaaa, …
    const syscall = name.startsWith('query') ? 'query' : SYSCALLS.get(name)
    return apply((syscall && rules[syscall]) ?? rules.otherwise, error)
  }
}

/** Chooses by the message, where Node or a library gives different faults one code, or none. */
export function byMessage(
  rules: readonly (readonly [RegExp, Rule])[],
  otherwise?: Rule,
): (error: object) => Failure | undefined {
  return (error) => {
    const message = text(error, 'message')
    const [, rule = otherwise] = rules.find(([pattern]) => pattern.test(message)) ?? []
    return apply(rule, error)
  }
}
