import type { IncomingMessage } from 'node:http'
import { warnOnce } from '../common/warn.js'
import { hasBody } from '../content/framing.js'
import { GatewayError } from '../errors/gateway-error.js'

/** A call, as far as its body is looked at. */
interface Sender {
  /** When its connection stood. */
  readonly connectedAt: number | undefined
  lacksBody(): boolean
}

/**
 * Whether a call waits for a body that somebody has read before: a body parser is mounted before the
 * proxy, whose call has announced the bytes and will never send one.
 */
export function isBodySpent(call: Sender, req: IncomingMessage): boolean {
  return wasRead(req) && call.connectedAt !== undefined && call.lacksBody()
}

/** Whether the body of a request was read to its end. */
export const wasRead = (req: IncomingMessage): boolean => req.readableEnded && hasBody(req)

const PLACE = {}

/** The error of such a call; it is explained once. */
export function bodySpent({ method, url }: IncomingMessage): GatewayError {
  const request = `${method} ${url?.split('?')[0]}`
  const fix = 'mount the body parser behind the proxy, or only on routes of its own'
  warnOnce(
    PLACE,
    `${request}: a body parser has read the body before the proxy could send it on, so the request ` +
      `gets 500 gateway_misconfigured; ${fix}.`,
  )
  return new GatewayError('gateway_misconfigured', {
    cause: new Error(`The body of ${request} was read before the proxy could send it on: ${fix}.`),
  })
}
