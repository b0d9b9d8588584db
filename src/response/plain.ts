import type { GatewayError } from '../errors/gateway-error.js'
import { cut } from './cut.js'
import { type Gate, headIsOut } from './gate.js'
import { respond } from './respond.js'

/** Answers like the hosts do by themselves: the gateway runs without `problemDetails`. */
export function answerPlainly(gate: Gate, error: GatewayError): GatewayError {
  if (gate.settled) return error
  if (headIsOut(gate)) cut(gate)
  else {
    respond(gate, {
      status: error.status,
      headers: { ...error.headers, 'Content-Type': 'text/plain; charset=utf-8' },
      body: error.message,
    })
  }
  return error
}
