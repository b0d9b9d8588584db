import type { OutgoingHttpHeaders } from 'node:http'
import { warnThrew } from '../common/callback.js'
import { type Later, whenKnown } from '../common/later.js'
import { type Answer, judge, type ResponseCheck } from '../response/buffered.js'
import type { Gate } from '../response/gate.js'
import {
  ChangedHead,
  type Head,
  type HeadEdits,
  type StreamChange,
  type Wish,
} from '../response/head.js'
import { rewrite } from '../response/rewrite.js'

/** What a response becomes; without a body, its bytes stay. */
export interface NewResponse extends HeadEdits {
  readonly body?: Buffer | undefined
}

/** Keeps a response back until its body is whole, and makes another one of it. */
export interface ResponseChange {
  /** Most bytes that are kept back. */
  readonly limit: number
  /** The header fields from before the response was begun. */
  readonly headers: OutgoingHttpHeaders
  /** Answers in place of a response that is larger. */
  over(): void
  /** The application destroys the response before its end; a function answers instead. */
  broken(error: unknown): (() => void) | undefined
  /** Gives what the response becomes, an answer in its place, or nothing where it stays. */
  change(body: Buffer): Later<NewResponse | (() => void) | undefined>
}

/** What somebody wants who looks at a response: to answer in its place, to check or to change it. */
export type Review = (() => void) | ResponseCheck | ResponseChange | StreamChange | undefined

/** The response, and those who look at it, the outermost first. */
interface Reviewed {
  readonly gate: Gate
  /** Asks one of them, who sees the head as those behind him have left it. */
  ask(at: number, head: Head): Review
}

/** Somebody who looks at the responses of such exchanges. */
interface Reviewer<E> {
  review?(exchange: E, head: Head): Review
}

/**
 * What becomes of a response: those who look at it are asked from the innermost on, so that each sees
 * what the ones behind him make of it, and a check sees what the client gets.
 */
export function reviewBy<E extends { readonly response: Gate }>(
  exchange: E,
  reviewers: readonly Reviewer<E>[],
  head: Head,
): Wish {
  const ask = (at: number, seen: Head): Review => {
    try {
      return reviewers[at]?.review?.(exchange, seen)
    } catch (error) {
      warnThrew('the review of a response', error)
      return undefined
    }
  }
  const gate = exchange.response
  return review({ gate, ask }, head, reviewers.length - 1)
}

function review(reviewed: Reviewed, head: Head, from: number): Wish {
  const { checks, found, at } = collect(reviewed, head, from)
  if (typeof found === 'function') return found
  if (found && 'push' in found) return piped(found, review(reviewed, found.head, at - 1))
  const [first = found] = checks
  if (first === undefined) return undefined
  const next = { reviewed, head, from: at - 1 }
  return {
    limit: found?.limit ?? Math.max(...checks.map(({ limit }) => limit)),
    headers: first.headers,
    over: found && (() => found.over()),
    broken: (error) => first.broken(error),
    judge: (body) =>
      whenKnown(judge(checks, body), (answer) => answer ?? (found && changed(found, body, next))),
  }
}

interface Collected {
  readonly checks: readonly ResponseCheck[]
  /** The first answer or change that was wanted. */
  readonly found?: (() => void) | ResponseChange | StreamChange
  readonly at: number
}

function collect({ ask }: Reviewed, head: Head, from: number): Collected {
  const checks: ResponseCheck[] = []
  for (let at = from; at >= 0; at--) {
    const wish = ask(at, head)
    if (wish === undefined) continue
    if (typeof wish === 'function' || !('judge' in wish)) return { checks, found: wish, at }
    checks.push(wish)
  }
  return { checks, at: -1 }
}

/** Who is asked next, and about which head. */
interface Next {
  readonly reviewed: Reviewed
  readonly head: Head
  readonly from: number
}

/** Changes a whole response, and lets the others look at what it has become. */
function changed(by: ResponseChange, body: Buffer, next: Next): Later<Answer> {
  return whenKnown(by.change(body), (response) =>
    typeof response === 'function' ? response : reviewNew(response, body, next),
  )
}

function reviewNew(
  response: NewResponse | undefined,
  body: Buffer,
  { reviewed, head, from }: Next,
): Later<Answer> {
  const newHead = response ? new ChangedHead(head, response) : undefined
  const bytes = response?.body ?? body
  const wish = review(reviewed, newHead ?? head, from)
  if (typeof wish === 'function') return wish
  const isRead = wish !== undefined && 'judge' in wish
  const answer = isRead ? judge([wish], bytes) : undefined
  return whenKnown(
    answer,
    (given) => given ?? (newHead && (() => rewrite(reviewed.gate, newHead, bytes))),
  )
}

/** One change of a stream behind another. */
function piped(inner: StreamChange, outer: Wish): Wish {
  if (typeof outer === 'function') return outer
  if (outer === undefined || !('push' in outer)) return inner
  const through = (text: string) => (text === '' ? '' : outer.push(Buffer.from(text)))
  return {
    head: outer.head,
    get isBroken() {
      return inner.isBroken || outer.isBroken
    },
    breakOff: () => (inner.isBroken ? inner : outer).breakOff(),
    push: (bytes) => through(inner.push(bytes)),
    end: () => through(inner.end()) + outer.end(),
  }
}
