import type { IncomingMessage } from 'node:http'
import { connectionNames } from './connection.js'
import { type GatewayError, withoutStack } from '../errors/gateway-error.js'

const CONTENT_LENGTH = 'content-length'
const FRAMING = new Set(['content-length', 'content-type', 'content-encoding', 'transfer-encoding'])

/**
 * Refuses a body of which another reader may see more, less, or something else: where it ends, and
 * how it is read, must be said in one way only.
 *
 * @throws {GatewayError} `request_malformed` or `unsupported_content_encoding`.
 */
export function refuseFraming(req: IncomingMessage): void {
  const { headers, rawHeaders } = req
  const coding = headers['transfer-encoding']?.trim().toLowerCase()
  // Node undoes chunks only; whoever undoes more reads another body (RFC 9112, section 6.1).
  if (coding !== undefined && coding !== 'chunked')
    throw withoutStack('unsupported_content_encoding', {
      detail: 'This route does not accept the Transfer-Encoding of the request.',
    })
  const lengths = countLengths(rawHeaders)
  // Only a lenient parser lets these through (RFC 9112, section 6.3).
  if (lengths > 1 || (lengths === 1 && coding !== undefined))
    throw ambiguousFraming('says in two ways where its body ends')
  if (connectionNames(req).some((name) => FRAMING.has(name)))
    throw ambiguousFraming('lists a field in Connection that describes its body')
}

/** How many fields say the length; one that only resembles a field of the framing is refused. */
function countLengths(rawHeaders: readonly string[]): number {
  let lengths = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length === CONTENT_LENGTH.length && name.toLowerCase() === CONTENT_LENGTH) lengths++
    if (name.includes('_') && FRAMING.has(name.toLowerCase().replaceAll('_', '-')))
      throw ambiguousFraming('has a field that may be taken for one that describes its body')
  }
  return lengths
}

const ambiguousFraming = (fault: string): GatewayError =>
  withoutStack('request_malformed', { detail: `The request ${fault}.` })
