import { http } from '../common/builtins.js'
import { callback, type Check, checkedOptions, oneOf } from '../common/options.js'
import { sizeOf } from '../common/size.js'
import type { Exchange } from '../exchange/exchange.js'
import { type Dispatching, isDispatching } from './dispatching.js'
import type { ForwardedOption } from './forwarded.js'
import { HOP_BY_HOP } from './hop-by-hop.js'
import type { FieldChanges } from './request-fields.js'
import { faultOfTarget, type TargetOption } from './target.js'

/** Fields to set on each request, or to remove with `null`. */
export type HeadersOption = Readonly<Record<string, string | null>>

/** Options of `forward`; all times are milliseconds. */
export interface ForwardOptions {
  /** Where requests go: a URL whose path begins theirs, or a function that gives one for each request. */
  readonly target?: TargetOption
  /** Gives the path and query that the upstream gets, from those of the request. */
  readonly rewrite?: (path: string, exchange: Exchange) => string
  /** Whose name the field `Host` has: that of the target, or the one that the client has asked for. @defaultValue `'target'` */
  readonly host?: 'target' | 'client'
  /** Which fields tell the upstream of the client. @defaultValue `'x-forwarded'` */
  readonly forwarded?: ForwardedOption
  /** Whether what came in such fields is true, and is appended to; else it is replaced. @defaultValue `false` */
  readonly trust?: boolean
  /** Pseudonym of this gateway in `Via`, of requests and responses (RFC 9110, section 7.6.3). @defaultValue `false` */
  readonly via?: string | false
  /** Fields to set on each request, or to remove with `null`. */
  readonly headers?: HeadersOption
  /** Most bytes of a request's body that are kept for another attempt. @defaultValue `'1mb'` */
  readonly bufferLimit?: string | number
  /** A dispatcher of undici (7 or later), which stays the user's to close. @defaultValue an agent of its own */
  readonly dispatcher?: Dispatching
}

/** The options with all defaults filled in. */
export interface Settings {
  readonly target: TargetOption
  readonly rewrite: ForwardOptions['rewrite']
  readonly host: 'target' | 'client'
  readonly forwarded: ForwardedOption
  readonly trust: boolean
  readonly via: string | false
  readonly changes: FieldChanges
  readonly bufferLimit: number
  readonly dispatcher: Dispatching | undefined
}

const bool: Check = [(value) => typeof value === 'boolean', 'true or false']
const isToken = (value: unknown): boolean =>
  typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value)

// prettier-ignore
const CHECKS: Record<keyof ForwardOptions, Check> = {
  target: [(value) => faultOfTarget(value) === undefined, 'an absolute http or https URL without credentials, query and fragment, such as "http://orders:4000", or a function that gives one'],
  rewrite: callback,
  host: oneOf('target', 'client'),
  forwarded: [(value) => value === false || FORWARDED.includes(value), '"x-forwarded", "forwarded", "both" or false'],
  trust: bool,
  via: [(value) => value === false || isToken(value), 'a pseudonym of letters, digits and "-", or false'],
  headers: [(value) => faultOfHeaders(value) === undefined, 'an object of field names and strings, or null; none of the framing or the connection'],
  bufferLimit: [(value) => sizeOf(value) > 0, "a size such as '1mb' or a number of bytes"],
  dispatcher: [isDispatching, 'a dispatcher of undici: an object with a method "dispatch"'],
}

const FORWARDED: readonly unknown[] = ['x-forwarded', 'forwarded', 'both']
/** What `forward` writes itself. */
const WRITTEN: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'trailer'])

function faultOfHeaders(headers: unknown): string | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return 'no object'
  for (const [name, value] of Object.entries(headers)) {
    if (WRITTEN.has(name.toLowerCase())) return name
    try {
      http.validateHeaderName(name)
      if (value !== null) http.validateHeaderValue(name, value as string)
    } catch {
      return name
    }
    if (value !== null && typeof value !== 'string') return name
  }
  return undefined
}

const changesIn = (headers: HeadersOption): FieldChanges =>
  new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), { name, value }]))

/**
 * Checks the options of `forward` and fills in the defaults.
 *
 * @throws {TypeError} naming the option and the fix.
 */
export function readOptions(options: ForwardOptions): Settings {
  const {
    target,
    headers = {},
    bufferLimit = '1mb',
    ...given
  } = checkedOptions('forward', options, CHECKS)
  if (target === undefined)
    throw new TypeError('forward: option "target" is missing; say where requests go')
  return {
    rewrite: undefined,
    host: 'target',
    forwarded: 'x-forwarded',
    trust: false,
    via: false,
    dispatcher: undefined,
    ...given,
    target,
    changes: changesIn(headers),
    bufferLimit: sizeOf(bufferLimit),
  }
}
