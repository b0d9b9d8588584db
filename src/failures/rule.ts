import type { Code, Retry } from '../errors/codes.js'
import type { ProxyStatus } from '../errors/gateway-error.js'

/** What a low-level error means: a code of the gateway, and where it differs from the row of that code. */
export interface Classification {
  readonly code: Code
  /** Error token and parameters of `Proxy-Status` instead of the code's own (RFC 9209, section 2.3). */
  readonly proxyStatus?: ProxyStatus
  /** Retry class instead of the code's own. */
  readonly retry?: Retry
  /** Whether the circuit breaker counts it as a failure of the upstream. */
  readonly counts: boolean
  /** Status instead of the code's own. */
  readonly status?: number
}

/** A classification, or a function that finds it where the code of an error is not enough. */
export type Rule = Classification | ((error: object) => Classification | undefined)

/** Error codes or names, separated by white space, that share one rule. */
export type Entry = readonly [keys: string, rule: Rule]

type Differences = Omit<Classification, 'code' | 'counts'>

/** A classification that the circuit breaker counts as a failure of the upstream. */
export const counted = (code: Code, differences: Differences = {}): Classification =>
  freeze({ code, counts: true, ...differences })

/** A classification that the circuit breaker ignores: it says nothing about the upstream. */
export const neutral = (code: Code, differences: Differences = {}): Classification =>
  freeze({ code, counts: false, ...differences })

function freeze(classification: Classification): Classification {
  Object.freeze(classification.proxyStatus)
  return Object.freeze(classification)
}

/** Makes a map of a table, so that the time to find a rule does not depend on the length of the table. */
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
export const apply = (rule: Rule | undefined, error: object): Classification | undefined =>
  typeof rule === 'function' ? rule(error) : rule

/** Whether a thrown value is an object: any value can be thrown. */
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

/**
 * Reads a property as text; empty when it is not a string. It is cut to 1,000 characters, so that
 * no regular expression runs on a long text.
 */
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

/** Chooses by the system call: the same code means different things for different calls. */
export function bySyscall(rules: Partial<Record<Syscall | 'otherwise', Rule>>): Rule {
  return (error) => {
    // node-fetch names the property `erroredSysCall`.
    const name = text(error, 'syscall') || text(error, 'erroredSysCall')
    // c-ares: queryA, queryAaaa, …
    const syscall = name.startsWith('query') ? 'query' : SYSCALLS.get(name)
    return apply((syscall && rules[syscall]) ?? rules.otherwise, error)
  }
}

/** Chooses by the message: Node and libraries sometimes use one code for several faults, or no code. */
export function byMessage(
  rules: readonly (readonly [RegExp, Rule])[],
  otherwise?: Rule,
): (error: object) => Classification | undefined {
  return (error) => {
    const message = text(error, 'message')
    const [, rule = otherwise] = rules.find(([pattern]) => pattern.test(message)) ?? []
    return apply(rule, error)
  }
}
