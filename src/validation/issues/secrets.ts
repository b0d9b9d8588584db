import type { Issue } from '../../errors/gateway-error.js'

/** Words in the names of what lets somebody in. */
const NAME =
  /api.?key|access|auth|bearer|cookie|credential|csrf|hmac|jwt|key$|^key|nonce|otp|pass|pin$|private|pwd|secret|session|sid$|sign|token|xsrf/i

/** What is long, without blanks, and mixes letters with digits is nothing that a person has chosen. */
const VALUE = /^(?=[^\s]{12,}$)(?=[^]*\d)(?=[^]*[a-z])[\w+/=.~-]+$/i

/** The keywords whose details would quote what the schema holds. */
const QUOTING = new Set(['const', 'enum', 'pattern', 'format', 'formatMinimum', 'formatMaximum'])

/** What a failure is about, as far as it tells whether the schema holds a secret there. */
interface Place {
  readonly in: Issue['in']
  readonly keyword: string
  /** The names on the way to the value. */
  readonly names: readonly string[]
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * Whether the schema may hold a secret at this place, such as the one key that a header must have:
 * then the answer must not say what would be right.
 */
export function mayBeSecret({ in: part, keyword, names, params }: Place): boolean {
  if (!QUOTING.has(keyword)) return false
  if (part === 'cookies' || names.some((name) => NAME.test(name))) return true
  return [params['allowedValue'], params['allowedValues'], params['pattern']]
    .flat()
    .some((value) => typeof value === 'string' && VALUE.test(value))
}
