import { subscribe } from 'node:diagnostics_channel'
import type { Sending } from './dispatching.js'

/** What is being given to undici in this turn. */
let sending: Sending | undefined

/** Runs what gives a request to undici. */
export function whileSending(what: Sending, dispatch: () => unknown): void {
  sending = what
  try {
    dispatch()
  } finally {
    sending = undefined
  }
}

/**
 * A tracer adds its fields when undici makes a request, whatever the client has sent: two values of
 * `traceparent` are none (W3C Trace Context, section 3.2). What it has added stands for the client's.
 */
function keepAdded(message: unknown): void {
  const { request } = message as { readonly request?: { readonly headers?: unknown } }
  if (sending === undefined || !Array.isArray(request?.headers)) return
  if (endsLike(request.headers, sending.headers)) return
  const came = countsOf(sending.headers)
  const now = countsOf(request.headers)
  for (const [name, count] of came)
    if ((now.get(name) ?? 0) > count) removeFirst(request.headers, name, count)
}

/** Whether nothing was added, which is at the end. undici keeps the length apart. */
function endsLike(fields: readonly unknown[], sent: readonly string[]): boolean {
  const last = sent.at(-2) === 'Content-Length' ? sent.length - 4 : sent.length - 2
  return fields.at(-2) === sent[last] && fields.at(-1) === sent[last + 1]
}

function countsOf(fields: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (let at = 0; at < fields.length; at += 2) {
    const name = nameAt(fields, at)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

function removeFirst(fields: unknown[], name: string, count: number): void {
  let left = count
  for (let at = 0; at < fields.length && left > 0; at += 2) {
    if (nameAt(fields, at) !== name) continue
    fields.splice(at, 2)
    at -= 2
    left--
  }
}

const nameAt = (fields: readonly unknown[], at: number): string => String(fields[at]).toLowerCase()

let listens = false

/** Begins to listen, once: after a tracer that is there already, whose fields are seen then. */
export function replaceByAdded(): void {
  if (!listens) subscribe('undici:request:create', keepAdded)
  listens = true
}
