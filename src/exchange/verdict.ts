import type { Exchange } from './exchange.js'
import { ask } from '../common/callback.js'
import type { GatewayError } from '../errors/gateway-error.js'
import { explain } from './explain.js'
import { classify } from '../failures/classify.js'
import { meaningOfStatus } from '../failures/table.js'
import { brokenBy, clientLeft } from '../response/client.js'
import type { Verdict } from '../circuit/circuit.js'
import type { Outcome, Settings } from './circuit-options.js'

/** Whether a response that is no failure was relayed whole: the outcome of most requests. */
export function isPlainSuccess({ calls: { deciding: call }, res }: Exchange): boolean {
  return (
    call?.status !== undefined &&
    call.failure === undefined &&
    !isFailureStatus(call.status) &&
    res.writableFinished
  )
}

/**
 * Whether the application has ended its call, and rejected the request: an upload that is too large or
 * broken says nothing about the upstream.
 */
export function isRejected({ calls, response, res }: Exchange): boolean {
  const call = calls.relay ?? calls.deciding
  const status = response.head?.status ?? res.statusCode
  return call?.endedHere === true && status >= 400 && status < 500
}

/** How the upstream did so far; undefined when the request has called none. */
export function outcomeOf(exchange: Exchange, startedAt: number): Outcome | undefined {
  const { deciding: call } = exchange.calls
  if (call === undefined) return undefined
  const { status, state } = call
  const error = call.currentFailure ?? breakOf(exchange)
  const gone = error ? error.code === 'client_closed_request' : clientLeft(exchange.response)
  const relayed = status !== undefined && !error && exchange.res.writableFinished
  return {
    ...(status !== undefined && { status }),
    ...(error && !gone && { code: error.code, error }),
    complete: state === 'complete' || relayed,
    aborted: gone,
    durationMs: performance.now() - startedAt,
  }
}

/** What is wrong with a response that the application could not read to its end, a bad encoding for one. */
function breakOf(exchange: Exchange): GatewayError | undefined {
  const broken = brokenBy(exchange.response)
  return broken && explain(broken, exchange)
}

/** What an outcome says about the upstream. */
export function verdictOf(outcome: Outcome, { isFailure }: Settings): Verdict {
  const verdict = verdictByDefault(outcome)
  const failed = ask('isFailure', isFailure, outcome)
  if (failed === undefined) return verdict
  if (failed) return 'failure'
  return verdict === 'neutral' ? 'neutral' : 'success'
}

function verdictByDefault({ aborted, complete, error, status }: Outcome): Verdict {
  if (error) return classify(error)?.counts === false ? 'neutral' : 'failure'
  if (aborted && !isFailureStatus(status)) return 'neutral'
  // What has no status, a query say, is a success when it is done.
  if (status === undefined) return complete ? 'success' : 'neutral'
  return isFailureStatus(status) ? 'failure' : 'success'
}

/** Whether a status of the upstream's own speaks against it. */
export const isFailureStatus = (status = 0): boolean => meaningOfStatus(status).counts
