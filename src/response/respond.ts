import type { IncomingMessage } from 'node:http'
import { warnThrew } from '../common/callback.js'
import { stillSends } from '../content/framing.js'
import type { Gate } from './gate.js'
import { outermost, rawOf, seal, sealBelow, takeOver, wrappedMethods } from './hooks.js'
import { drain } from './lingering-close.js'
import type { RawResponse } from './raw.js'
import { unseal } from './seal.js'

/** A whole answer of the gateway's own. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Fields that describe the content that is replaced; the others (CORS, cookies, Vary) stay. */
// prettier-ignore
export const ENTITY: ReadonlySet<string> = new Set([
  'content-length', 'transfer-encoding', 'content-encoding', 'content-type', 'content-language', 'content-location',
  'content-disposition', 'content-range', 'content-digest', 'repr-digest', 'digest',
  'accept-ranges', 'etag', 'last-modified', 'expires', 'trailer',
])

/**
 * Writes an answer in place of whatever the application had begun, and seals the response.
 *
 * Where no head is in the making, it goes through what the application has put on the response, so
 * that sessions are saved and fields of its hooks are set.
 */
export function respond(gate: Gate, answer: Answer): void {
  const outer = outermost(gate)
  if (outer === undefined) return respondBelow(gate, answer)
  const { res, req } = gate
  gate.phase = 'answering'
  try {
    setHead(gate, answer)
    outer.writeHead(answer.status)
    if (isUnread(req, answer.status)) {
      outer.write(answer.body)
      drain(req, () => outer.end())
    } else outer.end(answer.body)
  } catch (error) {
    warnThrew('a wrapper of the response', error)
    if (!res.headersSent) return respondBelow(gate, answer)
    if (!res.writableEnded) rawOf(gate).end()
  }
  seal(gate, 'answering')
  if (!res.headersSent) setTimeout(giveUp, PATIENCE, gate, answer).unref()
}

/** Milliseconds that the wrappers may take until they hand the head on. */
const PATIENCE = 1000

function giveUp(gate: Gate, answer: Answer): void {
  if (!gate.res.headersSent && !gate.res.closed) respondBelow(gate, answer)
}

/** Sets the head on the response, where the wrappers look for it. */
function setHead(gate: Gate, { status, headers, body }: Answer): void {
  const { res, req } = gate
  removeEntityFields(gate)
  res.statusCode = status
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.setHeader('Content-Length', Buffer.byteLength(body))
  if (isUnread(req, status)) res.setHeader('Connection', 'close')
}

/** Writes an answer below all that wraps the response. */
function respondBelow(gate: Gate, { status, headers, body }: Answer): void {
  const { req, res, phase } = gate
  unseal(res)
  const out = takeOver(gate)
  gate.phase = 'answered'
  removeEntityFields(gate)
  const unread = isUnread(req, status)
  const framing = { 'Content-Length': Buffer.byteLength(body) }
  // On Node 20 a literal that goes on behind a spread gets a hidden class of its own each time.
  out.writeHead(status, Object.assign({}, headers, framing, unread && CLOSE))
  if (unread) {
    out.write(body)
    drain(req, () => out.end())
  } else if (phase !== 'passed' || !endAfterWrappers(gate, out, body)) out.end(body)
  if (phase === 'passed') sealBelow(gate)
  else seal(gate, 'answered')
}

const CLOSE = { Connection: 'close' }

/** Keeps the last byte back: whoever has it all may close, and what is behind would never be stored. */
function endAfterWrappers(gate: Gate, out: RawResponse, body: string): boolean {
  const bytes = Buffer.from(body)
  const isAwaited = afterWrappers(gate, () => void out.end(bytes.subarray(-1)))
  if (isAwaited) out.write(bytes.subarray(0, -1))
  return isAwaited
}

/**
 * Waits for the wrappers around a head that was replaced, a second at most: a session whose cookie is
 * out is stored by then, and the close of a response would end the work of compression.
 *
 * @returns Whether there is something to wait for.
 */
export function afterWrappers(gate: Gate, then: () => void): boolean {
  if (gate.isEnded || wrappedMethods(gate).end === undefined) return false
  const timer = setTimeout(() => gate.finish?.(), PATIENCE).unref()
  gate.finish = () => {
    clearTimeout(timer)
    gate.finish = undefined
    then()
  }
  return true
}

/** Whether the client still sends what nobody will read. */
const isUnread = (req: IncomingMessage, status: number): boolean =>
  (status === 408 || hasMuchMore(req)) && req.httpVersionMajor === 1 && stillSends(req)

/** Takes off what describes a response that is not to be. */
export function removeEntityFields({ req, res }: Gate): void {
  // Node does not chunk any more once the field was removed, even where it was not there.
  for (const name of res.getHeaderNames()) if (ENTITY.has(name)) res.removeHeader(name)
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
