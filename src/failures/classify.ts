import { type Code, codes } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { apply, type Failure, isObject, read, type Rule, text } from './rule.js'
import { bodyReaders, failures, families } from './table.js'

export type { Failure } from './rule.js'

/** Errors inside of errors: a chain can be a circle, or be made up by a getter as one follows it. */
const MAX_DEPTH = 5
const MAX_VISITS = 64
const MAX_CHILDREN = 16

/** These only say that a call was given up; what they carry says why. */
const WRAPPERS: ReadonlySet<unknown> = new Set([
  'ABORT_ERR',
  'ERR_CANCELED',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_STREAM_CANCEL',
  'UND_ERR_ABORT',
  'UND_ERR_ABORTED',
  'UND_ERR_PRX_CONN',
])

/** Of several addresses that failed, the one that tells most about the upstream speaks for all. */
const TELLING: readonly Code[] = [
  'upstream_refused',
  'upstream_unreachable',
  'upstream_connection_lost',
  'upstream_tls_certificate',
  'upstream_tls_failed',
  'upstream_connect_timeout',
]

/** Looks at an error inside of the one at hand. */
type Look = (inner: unknown) => Failure | undefined

/**
 * Tells what a low-level error means, whichever client library has made or wrapped it.
 *
 * Never throws; unknown values give undefined. An abort is a timeout here: a client that has left
 * is known before anybody asks.
 */
export function classify(error: unknown): Failure | undefined {
  try {
    return visit(error, 0, new Set())
  } catch {
    // A Proxy whose traps throw.
    return undefined
  }
}

function visit(error: unknown, depth: number, seen: Set<object>): Failure | undefined {
  if (!isObject(error) || depth > MAX_DEPTH) return undefined
  if (seen.has(error) || seen.size >= MAX_VISITS) return undefined
  seen.add(error)
  const look: Look = (inner) => visit(inner, depth + 1, seen)
  if (GatewayError.is(error)) return ofGateway(error, look)
  return ofParts(error, look) ?? ofReader(error) ?? ofCall(error, look)
}

function ofGateway(error: GatewayError, look: Look): Failure | undefined {
  const { code, status, options } = error
  // Another copy of the package may know codes that this one does not.
  if (!Object.hasOwn(codes, code)) return undefined
  const inner = look(error.cause)
  const { about, healthy, waits } = codes[code]
  return {
    code,
    counts: inner?.code === code ? inner.counts : about === 'upstream' && !healthy && !waits,
    ...(options?.proxyStatus && { proxyStatus: options.proxyStatus }),
    ...(options?.retry && { retry: options.retry }),
    ...(status !== codes[code].status && { status }),
  }
}

/** Dual-stack connections fail once per address; the `code` of the whole is only the first one's. */
function ofParts(error: object, look: Look): Failure | undefined {
  const parts = read(error, 'errors')
  if (!Array.isArray(parts)) return undefined
  const found = parts
    .slice(0, MAX_CHILDREN)
    .map(look)
    .filter((failure) => failure !== undefined)
  const codesFound = found.map(({ code }) => code)
  const telling = TELLING.find((code) => codesFound.includes(code))
  return found.find(({ code }) => code === telling) ?? found[0]
}

/** raw-body's errors are about the request, even with a code that a connection has too. */
const ofReader = (error: object): Failure | undefined =>
  apply(bodyReaders.get(read(error, 'type')), error)

function ofCall(error: object, look: Look): Failure | undefined {
  const code = read(error, 'code')
  const cause = read(error, 'cause')
  const own = apply(ruleOf(code), error)
  const settled = own !== undefined && !WRAPPERS.has(code)
  // axios copies the code of the error that it wraps, but not what else tells it from others.
  if (settled && read(cause, 'code') !== code) return own
  return afterHead(error, look(cause)) ?? own ?? byName(error)
}

function ruleOf(code: unknown): Rule | undefined {
  if (typeof code !== 'string') return undefined
  return failures.get(code) ?? families.find(([prefix]) => code.startsWith(prefix))?.[1]
}

/** `fetch` says "terminated" once it has handed out a response. */
function afterHead(error: object, inner: Failure | undefined): Failure | undefined {
  const cutShort =
    inner?.code === 'upstream_connection_lost' && text(error, 'message') === 'terminated'
  return cutShort ? byName(error) : inner
}

/** Not every class that extends Error sets its name. */
const byName = (error: object): Failure | undefined =>
  apply(failures.get(read(error, 'name')), error) ??
  apply(failures.get(read(read(error, 'constructor'), 'name')), error)
