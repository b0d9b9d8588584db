import type { Call, Calls } from '../exchange/calls.js'
import type { GatewayError } from '../errors/gateway-error.js'
import { observer } from './context.js'

/** A call begins for a request. */
export function bind(call: Call, calls: Calls): void {
  calls.begin(call)
  // Node 20 reports a request late: it may be what was to be aborted, and is not new work after that.
  if (calls.aborted && !observer.hasCreatedChannel) process.nextTick(abort, call, calls.aborted)
}

const abort = (call: Call, reason: GatewayError): void => call.abort(reason)
