import { GatewayError } from '../errors/gateway-error.js'
import { cut } from '../response/cut.js'
import type { Exchange } from './exchange.js'
import { headIsOut } from '../response/gate.js'
import { respond } from '../response/respond.js'

/** Answers like the hosts do by themselves: the gateway runs without `problemDetails`. */
export function answerPlainly(exchange: Exchange, thrown: unknown): GatewayError {
  const error = GatewayError.is(thrown)
    ? thrown
    : new GatewayError('gateway_error', { cause: thrown })
  if (exchange.settled) return error
  if (headIsOut(exchange)) cut(exchange)
  else {
    respond(exchange, {
      status: error.status,
      headers: { ...error.headers, 'Content-Type': 'text/plain; charset=utf-8' },
      body: error.message,
    })
  }
  return error
}
