import { GatewayError } from '../errors/gateway-error.js'

/** What the 407 of a proxy that stands before the upstream means (RFC 9110, section 15.5.8). */
export function unauthorizedProxy(): GatewayError {
  return new GatewayError('gateway_misconfigured', {
    status: 502,
    cause: new Error('A proxy between the gateway and the upstream asks for credentials (407).'),
  })
}
