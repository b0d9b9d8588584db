import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'
import { hasBody } from '../content/framing.js'

/** What a call asks for, as far as it is compared with the request of the client. */
export interface Asked {
  readonly method: string
  /** Path and query; some proxies want the origin before it. */
  readonly target: string
  readonly contentType: string | undefined
  readonly contentLength: string | undefined
  readonly isChunked: boolean
  /** Whether a client library may let several requests wait for this one call. */
  readonly mayBeShared: boolean
}

/** One call, as far as it is compared with its request. */
export interface Candidate {
  readonly state: 'open' | 'complete' | 'failed' | 'aborted'
  /** Whether the application has aborted it. */
  readonly isDropped: boolean
  readonly startedAt: number
  readonly answeredAt: number | undefined
  readonly endedAt: number | undefined
  readonly status: number | undefined
  readonly currentFailure: object | undefined
  /** The request in whose context it was made, where it was taken for another's. */
  readonly madeIn: object | undefined
  /** Undefined once nothing is known any more. */
  asked(): Asked | undefined
  /** Whether it sends the body of the request as its own. */
  takesBodyOf(req: IncomingMessage): boolean
  /** Whether its response is piped into a stream. */
  feeds(target: Writable): boolean
}

/** The request of the client that the calls are made for. */
export interface Requested {
  readonly req: IncomingMessage
  /** Its target as it was first seen. */
  readonly url: string
  readonly response: { readonly res: Writable }
}

/** The more a call has of its request, the surer it is the one that a proxy makes for it. */
const FEEDS = 3000
const TAKES_BODY = 2000
const SAME_BODY = 1000
const LIKE_NOTHING = 0
const LAST_RESORT = -1

const SAFE: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** The calls among which the decision is: those that have most of their request, by their starts. */
export function foremost<C extends Candidate>(
  all: readonly C[],
  requested: Requested,
): readonly C[] {
  // There is nothing to compare.
  if (all.length < 2) return all
  const likenesses = all.map((call) => likenessOf(call, requested))
  const best = likenesses.reduce((a, b) => Math.max(a, b))
  return all.filter((_, at) => likenesses[at] === best)
}

/**
 * The call that decides where none is the relay yet: the one that has the body of the request, else
 * the one with its path, else the one that was started last.
 *
 * @param status - That of the response, at its head.
 */
export function decide<C extends Candidate>(
  all: readonly C[],
  requested: Requested,
  status?: number,
): C | undefined {
  const equals = foremost(withoutCleared(all, status), requested)
  if (equals.length < 2) return equals[0]
  const isAlike = equals.some((call) => likenessOf(call, requested) > LIKE_NOTHING)
  const relayed = isAlike && equals.findLast((each) => each.status === status && isGood(each))
  if (relayed) return relayed
  const held = isAlike ? equals.reduce(attemptOf) : equals.at(-1)
  // Nobody answers with an error while something else is waited for: that is made for somebody else.
  const isAside = status !== undefined && status >= 500 && held !== undefined && isWaiting(held)
  return (isAside ? equals.findLast(({ currentFailure }) => currentFailure) : undefined) ?? held
}

/** The redirections that a client library follows by itself. */
const REDIRECTIONS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308])

/** Without the calls that led to nothing before another was started: they had failed, or were redirected. */
function withoutCleared<C extends Candidate>(all: readonly C[], status: number | undefined): C[] {
  const lastStart = latest(all)
  const lastGood = latest(all.filter(isGood))
  return all.filter((call) => {
    const { answeredAt = Infinity, endedAt = Infinity } = call
    if (call.currentFailure !== undefined) return lastGood < endedAt
    if (call.status === undefined || call.status === status) return true
    if (REDIRECTIONS.has(call.status)) return lastStart < answeredAt
    return call.status < 500 || lastGood < answeredAt
  })
}

const latest = (calls: readonly Candidate[]): number =>
  calls.reduce((time, { startedAt }) => Math.max(time, startedAt), -Infinity)

/**
 * The later of two calls that are alike, where it is another attempt: the earlier one had its answer
 * by then, or had failed. What is made at the same time is a copy for somebody else.
 */
function attemptOf<C extends Candidate>(held: C, next: C): C {
  return (held.answeredAt ?? held.endedAt ?? Infinity) <= next.startedAt ? next : held
}

const isGood = ({ status, currentFailure }: Candidate): boolean =>
  status !== undefined && currentFailure === undefined

const isWaiting = ({ state, status }: Candidate): boolean =>
  state === 'open' && status === undefined

function likenessOf(call: Candidate, requested: Requested): number {
  const { req, response } = requested
  const asked = call.asked()
  if (call.feeds(response.res)) return FEEDS
  if (call.isDropped || call.state === 'aborted' || asked?.method === 'CONNECT') return LAST_RESORT
  if (asked === undefined) return LIKE_NOTHING
  return (call.takesBodyOf(req) ? TAKES_BODY : 0) + likenessOfAsked(asked, requested)
}

/** How much a call has of a request, by what it asks for. */
export function likenessOfAsked(asked: Asked, requested: Requested): number {
  const { req } = requested
  const path = asked.method === req.method ? likenessOfPath(asked.target, requested) : 0
  return hasBody(req) && hasSameBody(asked, req) ? SAME_BODY + path : path
}

/** Whether a call asks for what a request does, but for what stands before the path. */
export function isFor(asked: Asked, { req, url }: Requested): boolean {
  if (asked.method !== req.method || (hasBody(req) && !hasSameBody(asked, req))) return false
  const [a, b] = [split(asked.target), split(url)]
  const most = Math.min(a.segments.length, b.segments.length)
  return commonSegments(a, b) === Math.min(most, SAME_BODY - 1)
}

/**
 * Whether a call ends with its request: not if another request may wait for the same call, or it may
 * be work of its own.
 */
export function endsWithRequest(call: Candidate, requested: Requested): boolean {
  const { req, response } = requested
  if (call.feeds(response.res) || call.takesBodyOf(req)) return true
  if (call.madeIn !== undefined) return false
  const asked = call.asked()
  if (asked === undefined || asked.method === 'CONNECT' || asked.method !== req.method) return false
  const isSafe = SAFE.has(asked.method)
  if (hasSameBody(asked, req) && (hasBody(req) || !isSafe)) return true
  return likenessOfPath(asked.target, requested) > 0 && !(isSafe && asked.mayBeShared)
}

/** Whether the head announces the same body, which may be none. */
function hasSameBody(asked: Asked, { method, headers }: IncomingMessage): boolean {
  const isChunked = headers['transfer-encoding'] !== undefined
  return (
    asked.method === method &&
    mediaTypeOf(asked.contentType) === mediaTypeOf(headers['content-type']) &&
    (isChunked
      ? asked.isChunked
      : !asked.isChunked && lengthOf(asked.contentLength) === lengthOf(headers['content-length']))
  )
}

const mediaTypeOf = (type: string | undefined): string | undefined =>
  type?.split(';', 1)[0]?.trim().toLowerCase()

const lengthOf = (length: string | undefined): number => Number(length ?? 0)

/** How many segments at the end of a path are those of the request; 0 where it is another one. */
function likenessOfPath(target: string, { req, url }: Requested): number {
  const asked = split(target)
  const likeness = commonSegments(asked, split(url))
  return req.url === url
    ? likeness
    : Math.max(likeness, commonSegments(asked, split(req.url ?? '')))
}

interface Target {
  readonly segments: readonly string[]
  readonly query: string
}

function commonSegments(a: Target, b: Target): number {
  if (a.query !== b.query) return 0
  let count = 0
  let hasName = false
  const most = Math.min(a.segments.length, b.segments.length)
  while (count < most && a.segments.at(-1 - count) === b.segments.at(-1 - count)) {
    hasName ||= a.segments.at(-1 - count) !== ''
    count++
  }
  // The end of a path alone, `/`, is that of many.
  const isWhole = count === a.segments.length && count === b.segments.length
  return hasName || isWhole ? Math.min(count, SAME_BODY - 1) : 0
}

function split(target: string): Target {
  const path = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '')
  const at = path.indexOf('?')
  return {
    segments: (at === -1 ? path : path.slice(0, at)).split('/').slice(1),
    query: at === -1 ? '' : path.slice(at),
  }
}
