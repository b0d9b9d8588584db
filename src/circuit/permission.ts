import type { Circuit, Permit, Refusal } from './circuit.js'
import { GatewayError } from '../errors/gateway-error.js'

/**
 * Waits for a circuit that asks other processes first, and gives the permission back where nobody
 * waits for the call any more.
 *
 * @throws {GatewayError} `client_closed_request` in that case.
 */
export async function permission(
  circuit: Circuit,
  asked: Promise<Permit | Refusal>,
  isOver: () => boolean,
): Promise<Permit | Refusal> {
  const permit = await asked
  if (typeof permit === 'string' || !isOver()) return permit
  circuit.giveBack(permit)
  throw new GatewayError('client_closed_request')
}
