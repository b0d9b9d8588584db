import { settleCallback } from './buffered.js'
import { type Gate, stampHead } from './gate.js'
import type { ChangedHead } from './head.js'
import { hook, letGo } from './hooks.js'

/** Statuses whose responses have no content (RFC 9110, section 6.4.1). */
const BODILESS: ReadonlySet<number | undefined> = new Set([204, 304])

/** Sends another response in place of one that is held: through the same methods as that would go. */
export function rewrite(gate: Gate, head: ChangedHead, body: Uint8Array): void {
  const { res, held } = gate
  const args = held?.buffered.endArgs ?? []
  letGo(gate)
  stampHead(gate)
  gate.head = head
  head.applyTo(res)
  const { writeHead, end } = hook(gate)
  const isEmpty = BODILESS.has(head.status)
  if (isEmpty) res.removeHeader('content-length')
  else res.setHeader('Content-Length', body.length)
  Reflect.apply(writeHead, res, [res.statusCode])
  Reflect.apply(end, res, isEmpty ? [] : [body])
  settleCallback(args)
}
