import type { IncomingMessage } from 'node:http'
import { type GatewayError, withoutStack } from '../errors/gateway-error.js'

const FIELDS = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])

/**
 * The error for a POST that asks to be taken for another method: what was checked is a POST, and
 * frameworks behind the gateway would run the route of the other.
 */
export function refuseOverride({ method, rawHeaders }: IncomingMessage): GatewayError | undefined {
  if (method !== 'POST') return undefined
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (isField(rawHeaders[at]) && !asksForPost(rawHeaders[at + 1])) return refused()
  return undefined
}

const asksForPost = (value = ''): boolean => value.trim().toUpperCase() === 'POST'

const refused = (): GatewayError =>
  withoutStack('request_malformed', {
    detail: 'The request has a field that asks for another method; send that method itself.',
  })

/** Readers of CGI take `_` for `-` (RFC 3875, section 4.1.18). */
function isField(name = ''): boolean {
  // Most names begin with another letter, and cost nothing more.
  const first = name.charCodeAt(0)
  if (first !== UPPER_X && first !== LOWER_X) return false
  return FIELDS.has(name.toLowerCase().replaceAll('_', '-'))
}

const UPPER_X = 0x58
const LOWER_X = 0x78
