import { http } from '../common/builtins.js'
import {
  bool,
  callback,
  type Check,
  checkedOptions,
  oneOf,
  statuses,
  text,
  timeOrFalse,
} from '../common/options.js'
import { size, sizeOf } from '../common/size.js'
import {
  type CircuitBreakerOptions,
  readOptions as readCircuit,
  type Settings as CircuitSettings,
} from '../exchange/circuit-options.js'
import type { Exchange } from '../exchange/exchange.js'
import { isTransform } from '../transform/options.js'
import type { Transform } from '../transform/types.js'
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
  /** Several targets in order, each with a circuit of its own; in place of `target`. */
  readonly targets?: readonly TargetOptions[]
  /** How often a request is sent again to the same target. @defaultValue `0` */
  readonly retries?: number
  /** Statuses after which it is. @defaultValue `[502, 503, 504]` */
  readonly retryOn?: readonly number[]
  /** Statuses after which the next target is tried. @defaultValue `[429, 500, 502, 503, 504, 529]` */
  readonly nextOn?: readonly number[]
  /** Whether requests may be sent again whatever their method, as those to a model. @defaultValue `false` */
  readonly repeatable?: boolean
  /** Most bytes of a request's body that are kept for another attempt, and of what a `transform` changes. @defaultValue `'1mb'` */
  readonly bufferLimit?: string | number
  /** Silence after which a stream of events gets a comment, so that nobody between takes it for dead. @defaultValue `false` */
  readonly keepAlive?: number | false
  /** A dispatcher of undici (7 or later), which stays the user's to close. @defaultValue an agent of its own */
  readonly dispatcher?: Dispatching
}

/** One of several targets. */
export interface TargetOptions {
  /** Name of the upstream: clients read it in the body, operators in `breakers`. */
  readonly name: string
  readonly target: TargetOption
  /** Fields to set on requests to this target, such as its credentials, or to remove with `null`. */
  readonly headers?: HeadersOption
  /** Makes another request of each that it gets, and another response of its own. */
  readonly transform?: Transform
  /** Until the head of its response; `false` waits for ever. @defaultValue that of `circuit` */
  readonly timeout?: number | false
  /** Options of its circuit, those of `circuitBreaker` without `name`. */
  readonly circuit?: CircuitOptions
}

/** The options of `circuitBreaker` that a target has a use for. */
export type CircuitOptions = Omit<
  CircuitBreakerOptions,
  'name' | 'key' | 'fallback' | 'fallbackOn' | 'bufferLimit'
>

/** The options with all defaults filled in. */
export interface Settings {
  readonly targets: readonly TargetSettings[]
  readonly retries: number
  readonly retryOn: readonly number[]
  readonly nextOn: readonly number[]
  readonly repeatable: boolean
  readonly rewrite: ForwardOptions['rewrite']
  readonly host: 'target' | 'client'
  readonly forwarded: ForwardedOption
  readonly trust: boolean
  readonly via: string | false
  readonly bufferLimit: number
  readonly keepAlive: number | false
  readonly dispatcher: Dispatching | undefined
}

/** A target with all defaults filled in; the only one of a `forward` has neither name nor circuit. */
export interface TargetSettings {
  readonly target: TargetOption
  readonly changes: FieldChanges
  readonly transform: Transform | undefined
  readonly circuit: CircuitSettings | undefined
}

const FORWARDED: readonly unknown[] = ['x-forwarded', 'forwarded', 'both']
const isToken = (value: unknown): boolean =>
  typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value)

const TARGET: Check = [
  (value) => faultOfTarget(value) === undefined,
  'an absolute http or https URL without credentials, query and fragment, such as "http://orders:4000", or a function that gives one',
]
const HEADERS: Check = [
  (value) => faultOfHeaders(value) === undefined,
  'an object of field names and strings, or null; none of the framing or the connection',
]
/** More would only make an outage longer. */
const MOST_RETRIES = 10

// prettier-ignore
const CHECKS: Record<keyof ForwardOptions, Check> = {
  target: TARGET,
  rewrite: callback,
  host: oneOf('target', 'client'),
  forwarded: [(value) => value === false || FORWARDED.includes(value), '"x-forwarded", "forwarded", "both" or false'],
  trust: bool,
  via: [(value) => value === false || isToken(value), 'a pseudonym of letters, digits and "-", or false'],
  headers: HEADERS,
  targets: [(value) => Array.isArray(value) && value.length > 0, 'a list of targets, each { name, target }'],
  retries: [(value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= MOST_RETRIES, `a whole number from 0 to ${MOST_RETRIES}`],
  retryOn: statuses,
  nextOn: statuses,
  repeatable: bool,
  bufferLimit: size,
  keepAlive: timeOrFalse,
  dispatcher: [isDispatching, 'a dispatcher of undici: an object with a method "dispatch"'],
}

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

const TARGET_CHECKS: Record<keyof TargetOptions, Check> = {
  name: text,
  target: TARGET,
  headers: HEADERS,
  transform: [isTransform, 'what the middleware "transform" takes'],
  timeout: timeOrFalse,
  circuit: [(value) => typeof value === 'object' && value !== null, 'an object of options'],
}

/** What only the whole answer of a `circuitBreaker` can have. */
const NOT_OF_TARGETS = ['name', 'key', 'fallback', 'fallbackOn', 'bufferLimit']

function readTarget(options: TargetOptions, place: string, common: HeadersOption): TargetSettings {
  const {
    name,
    target,
    headers,
    transform,
    timeout,
    circuit = {},
  } = checkedOptions(place, options, TARGET_CHECKS)
  if (name === undefined || target === undefined)
    throw new TypeError(`${place} needs a "name" and a "target"`)
  const wrong = NOT_OF_TARGETS.find((option) => option in circuit)
  if (wrong !== undefined) throw new TypeError(`${place}: option "circuit" cannot have "${wrong}"`)
  const changes = new Map([...changesIn(common), ...changesIn(headers ?? {})])
  const times = timeout === undefined ? {} : { timeout }
  const settings = readCircuit({ ...circuit, ...times, name }, `${place}.circuit`)
  return { target, changes, transform, circuit: settings }
}

function readTargets({ target, targets, headers = {} }: ForwardOptions): TargetSettings[] {
  if (target !== undefined && targets !== undefined)
    throw new TypeError('forward: give one of "target" and "targets", not both')
  if (target !== undefined)
    return [{ target, changes: changesIn(headers), transform: undefined, circuit: undefined }]
  if (targets === undefined)
    throw new TypeError('forward: option "target" is missing; say where requests go')
  const read = targets.map((each, at) => readTarget(each, `forward: targets[${at}]`, headers))
  const names = new Set(read.map(({ circuit }) => circuit?.name))
  if (names.size < targets.length)
    throw new TypeError('forward: two of "targets" have one name; give each its own')
  return read
}

/**
 * Checks the options of `forward` and fills in the defaults.
 *
 * @throws {TypeError} naming the option and the fix.
 */
export function readOptions(options: ForwardOptions): Settings {
  const given = checkedOptions('forward', options, CHECKS)
  const { target: _, targets: __, headers: ___, bufferLimit = '1mb', ...rest } = given
  return {
    rewrite: undefined,
    host: 'target',
    forwarded: 'x-forwarded',
    trust: false,
    via: false,
    retries: 0,
    retryOn: [502, 503, 504],
    nextOn: [429, 500, 502, 503, 504, 529],
    repeatable: false,
    keepAlive: false,
    dispatcher: undefined,
    ...rest,
    targets: readTargets(given),
    bufferLimit: sizeOf(bufferLimit),
  }
}
