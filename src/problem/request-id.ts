import { crypto } from '../common/builtins.js'
import type { IncomingMessage } from 'node:http'
import { ask } from '../common/callback.js'

/** Short, and made of characters that are harmless in a log line, a header field and a page. */
const HARMLESS = /^[\w.~:+/=@-]{1,128}$/

/** Whether a value may be the id of a request. */
export const isHarmless = (id: unknown): id is string => typeof id === 'string' && HARMLESS.test(id)

/** The id of a request: that of the user's function, else `X-Request-Id`, where harmless; else a new id. */
export function requestIdOf(
  req: IncomingMessage,
  custom: ((req: IncomingMessage) => string | undefined) | undefined,
): string {
  const own = custom && ask('requestId', custom, req)
  if (isHarmless(own)) return own
  const sent = req.headers['x-request-id']
  return isHarmless(sent) ? sent : crypto.randomUUID()
}
