import { type GatewayError, withoutStack } from '../errors/gateway-error.js'

/** The error for a body over a limit, in bytes, that the client must know to stay below it. */
export const tooLarge = (fault: string, limit: number): GatewayError =>
  withoutStack('content_too_large', {
    detail: `The body ${fault}; this route takes at most ${limit} bytes.`,
  })
