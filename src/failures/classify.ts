import { type Code, codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { apply, type Classification, isObject, read, type Rule, text } from './rule.js'
import { bodyReaders, families, rules } from './table.js'

export type { Classification } from './rule.js'

/** Bounds for nested errors: a chain can be circular, and a getter can return a new error each time. */
const MAX_DEPTH = 5
const MAX_VISITS = 64
const MAX_CHILDREN = 16

/** Codes that only say that a call was aborted: the nested error says why. */
const WRAPPERS: ReadonlySet<unknown> = new Set([
  'ABORT_ERR',
  'ERR_CANCELED',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_STREAM_CANCEL',
  'UND_ERR_ABORT',
  'UND_ERR_ABORTED',
  'UND_ERR_PRX_CONN',
])

/** When several addresses were tried and all failed, the first of these codes is reported. */
const MOST_SPECIFIC: readonly Code[] = [
  'upstream_refused',
  'upstream_unreachable',
  'upstream_connection_lost',
  'upstream_tls_certificate',
  'upstream_tls_failed',
  'upstream_connect_timeout',
]

/** Classifies an error that is nested in another one. */
type ClassifyInner = (inner: unknown) => Classification | undefined

/**
 * Tells what a low-level error means, whichever client library has made or wrapped it.
 *
 * Never throws; unknown values give undefined. An abort is classified as a timeout: callers check
 * first whether the client has left.
 */
export function classify(error: unknown): Classification | undefined {
  try {
    return visit(error, 0, new Set())
  } catch {
    // A Proxy whose traps throw.
    return undefined
  }
}

function visit(error: unknown, depth: number, seen: Set<object>): Classification | undefined {
  if (!isObject(error) || depth > MAX_DEPTH) return undefined
  if (seen.has(error) || seen.size >= MAX_VISITS) return undefined
  seen.add(error)
  const classifyInner: ClassifyInner = (inner) => visit(inner, depth + 1, seen)
  if (GatewayError.is(error)) return ofGateway(error, classifyInner)
  return ofParts(error, classifyInner) ?? ofReader(error) ?? ofCall(error, classifyInner)
}

function ofGateway(error: GatewayError, classifyInner: ClassifyInner): Classification | undefined {
  const { code, status, options } = error
  // Another copy of the package may have codes that this one does not have.
  if (!Object.hasOwn(codes, code)) return undefined
  const inner = classifyInner(error.cause)
  const { about, healthy, waits } = codes[code]
  return {
    code,
    counts: inner?.code === code ? inner.counts : about === 'upstream' && !healthy && !waits,
    ...(options?.proxyStatus && { proxyStatus: options.proxyStatus }),
    ...(options?.retry && { retry: options.retry }),
    ...(status !== codes[code].status && { status }),
  }
}

/**
 * An `AggregateError` of a connection has one error per address (IPv6 and IPv4); its own `code` is
 * only that of the first.
 */
function ofParts(error: object, classifyInner: ClassifyInner): Classification | undefined {
  const parts = read(error, 'errors')
  if (!Array.isArray(parts)) return undefined
  const found = parts
    .slice(0, MAX_CHILDREN)
    .map(classifyInner)
    .filter((classification) => classification !== undefined)
  const codesFound = found.map(({ code }) => code)
  const reported = MOST_SPECIFIC.find((code) => codesFound.includes(code))
  return found.find(({ code }) => code === reported) ?? found[0]
}

/** raw-body's errors are about the request, even where a connection error has the same code. */
const ofReader = (error: object): Classification | undefined =>
  apply(bodyReaders.get(read(error, 'type')), error)

function ofCall(error: object, classifyInner: ClassifyInner): Classification | undefined {
  const code = read(error, 'code')
  const cause = read(error, 'cause')
  const own = apply(ruleOf(code), error)
  const specific = own !== undefined && !WRAPPERS.has(code)
  // axios copies the code of the error that it wraps, but not its `syscall`: then the cause decides.
  if (specific && read(cause, 'code') !== code) return own
  return afterHead(error, classifyInner(cause)) ?? own ?? byName(error)
}

function ruleOf(code: unknown): Rule | undefined {
  if (typeof code !== 'string') return undefined
  return rules.get(code) ?? families.find(([prefix]) => code.startsWith(prefix))?.[1]
}

/** `fetch` throws "terminated" when the connection is lost after it has returned a response. */
function afterHead(error: object, inner: Classification | undefined): Classification | undefined {
  const cutShort =
    inner?.code === 'upstream_connection_lost' && text(error, 'message') === 'terminated'
  return cutShort ? byName(error) : inner
}

/** By the `name`, else by the name of the class: not every class that extends Error sets `name`. */
const byName = (error: object): Classification | undefined =>
  apply(rules.get(read(error, 'name')), error) ??
  apply(rules.get(read(read(error, 'constructor'), 'name')), error)
