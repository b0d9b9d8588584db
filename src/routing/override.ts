import type { IncomingMessage } from 'node:http'
import { type GatewayError, withoutStack } from '../errors/gateway-error.js'

const FIELDS = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])

/**
 * The error for a POST that asks to be taken for another method: what was checked is a POST, and
 * frameworks behind the gateway would run the route of the other.
 */
export function refuseOverride({ method, rawHeaders }: IncomingMessage): GatewayError | undefined {
  if (method !== 'POST') return undefined
  const overrides = rawHeaders.filter((_, at) => at % 2 === 1 && isField(rawHeaders[at - 1]))
  if (overrides.every((value) => value.trim().toUpperCase() === 'POST')) return undefined
  return withoutStack('request_malformed', {
    detail: 'The request has a field that asks for another method; send that method itself.',
  })
}

/** Readers of CGI take `_` for `-` (RFC 3875, section 4.1.18). */
const isField = (name = ''): boolean => FIELDS.has(name.toLowerCase().replaceAll('_', '-'))
