import { GatewayError } from '../errors/gateway-error.js'

/** The error for a body over a limit, in bytes, that the client must know to stay below it. */
export function tooLarge(limit: number): GatewayError {
  return new GatewayError('content_too_large', {
    detail: `The body of the request is larger than the ${limit} bytes that this route accepts.`,
  })
}
