import { crypto } from '../common/builtins.js'
import type { IncomingMessage } from 'node:http'
import { ask } from '../common/callback.js'

/** Short, and of characters that harm neither a log line, a header nor a page. */
const HARMLESS = /^[\w.~:+/=@-]{1,128}$/

/** The id of a request: the user's own, the incoming one where it is harmless, or a new one. */
export function requestIdOf(
  req: IncomingMessage,
  custom: ((req: IncomingMessage) => string | undefined) | undefined,
): string {
  for (const id of [ask('requestId', custom, req), req.headers['x-request-id']]) {
    if (typeof id === 'string' && HARMLESS.test(id)) return id
  }
  return crypto.randomUUID()
}
