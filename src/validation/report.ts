import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'

let warned = false

/** Tells what the mode `enforce` would have answered. */
export function report(exchange: Exchange, error: GatewayError): void {
  exchange.report(error)
  if (exchange.hasProblemDetails || warned) return
  warned = true
  process.emitWarning(
    "good-gateway: validate in the mode 'report' tells the onError of problemDetails, which is not mounted above it.",
  )
}
