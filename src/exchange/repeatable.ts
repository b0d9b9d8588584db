import type { IncomingMessage } from 'node:http'

/** Methods that may be repeated (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string | undefined> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
])

/** Whether a request may be sent again although the first may have had its effect. */
export const isRepeatable = ({
  req,
  repeatable,
}: {
  readonly req: IncomingMessage
  readonly repeatable: boolean
}): boolean =>
  repeatable || IDEMPOTENT.has(req.method) || req.headers['idempotency-key'] !== undefined
