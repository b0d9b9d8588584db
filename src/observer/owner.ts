import { LinkedList } from '../common/linked-list.js'
import type { Call, Calls } from '../exchange/calls.js'
import { isFor, likenessOfAsked } from '../exchange/deciding.js'

/** Those of the requests that have made no call yet, in the order in which they came. */
const waiting = new LinkedList<Calls>()

/** With more of them no call is compared. */
const MOST_COMPARED = 64

/** A request has made no call yet. */
export function waitsForCall(calls: Calls): void {
  waiting.add(calls)
}

/** A request has a call, or is over. */
export function waitsNoMore(calls: Calls): void {
  waiting.remove(calls)
}

/**
 * Begins a call that is made in the context of a request. A limiter or a queue runs the work of one
 * request in the context of another, which lets it go on: such a call belongs to the request that it
 * is more like, and that has made none yet.
 */
export function beginIn(context: Calls, call: Call): void {
  const owner = ownerOf(call, context)
  if (owner !== context) {
    call.calls = owner
    call.madeIn = context
  }
  owner.begin(call)
}

function ownerOf(call: Call, context: Calls): Calls {
  if (waiting.size - Number(waiting.has(context)) === 0) return context
  const { req, url } = context.owner
  // Mostly a proxy asks for what it was asked for.
  const isPlain = call.asksFor(req.method, url)
  if (isPlain && context.all.length === 0) return context
  const asked = call.asked()
  if (asked === undefined) return context
  const isRepeated = hasHad(context, asked.target)
  if (isPlain && !isRepeated) return context
  const likeness = likenessOfAsked(asked, context.owner) - Number(isRepeated)
  let compared = 0
  for (const other of waiting) {
    if (compared++ === MOST_COMPARED) break
    if (other === context || !isFor(asked, other.owner)) continue
    if (likenessOfAsked(asked, other.owner) > likeness) return other
  }
  return context
}

/** Whether a request has had its answer to the same call, of which this is no other attempt. */
const hasHad = ({ all }: Calls, target: string): boolean =>
  all.some(
    (each) =>
      each.state === 'complete' && (each.status ?? 500) < 500 && each.asked()?.target === target,
  )

const isTaken = ({ madeIn }: Call): boolean => madeIn !== undefined

/** A request makes a call in its own context: what was taken for its work was not. */
export function giveBack(calls: Calls): void {
  if (!calls.all.some(isTaken)) return
  for (const call of calls.all.filter(isTaken)) {
    const { madeIn } = call
    call.madeIn = undefined
    if (madeIn?.owner.isClosed === false) madeIn.take(call)
  }
}
