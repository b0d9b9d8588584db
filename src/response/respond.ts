import type { IncomingMessage } from 'node:http'
import { stillSends } from '../content/framing.js'
import type { Gate } from './gate.js'
import { seal, takeOver } from './hooks.js'
import { drain } from './lingering-close.js'

/** A whole answer of the gateway's own. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Fields that describe the content that is replaced; the others (CORS, cookies, Vary) stay. */
// prettier-ignore
export const ENTITY: readonly string[] = [
  'content-length', 'transfer-encoding', 'content-encoding', 'content-type', 'content-language', 'content-location',
  'content-disposition', 'content-range', 'content-security-policy', 'content-digest', 'repr-digest', 'digest',
  'accept-ranges', 'etag', 'last-modified', 'expires', 'trailer',
]

/** Writes an answer in place of whatever the application had begun, and seals the response. */
export function respond(gate: Gate, { status, headers, body }: Answer): void {
  const { req } = gate
  const out = takeOver(gate)
  gate.phase = 'answered'
  removeEntityFields(gate)
  const unread =
    (status === 408 || hasMuchMore(req)) && req.httpVersionMajor === 1 && stillSends(req)
  out.writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    ...(unread && { Connection: 'close' }),
  })
  if (unread) {
    out.write(body)
    drain(req, () => out.end())
  } else out.end(body)
  seal(gate, 'answered')
}

/** Takes off what describes a response that is not to be. */
export function removeEntityFields({ req, res }: Gate): void {
  // Node does not chunk any more once the field was removed, even where it was not there.
  for (const name of ENTITY) if (res.hasHeader(name)) res.removeHeader(name)
  // HTTP/2 has no reason phrase and warns about it.
  if (req.httpVersionMajor === 1) res.statusMessage = ''
}

/** A rest up to this size is read by Node without a word, and the connection lives on. */
const SMALL_BODY = 64 * 1024

/** Whether it is worth the connection not to read the rest of a body. */
function hasMuchMore({ headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > SMALL_BODY
  )
}
