import type { Circuit, Permit, Verdict } from '../circuit/circuit.js'
import { refusalOf } from '../circuit/refusal.js'
import { waitIn } from '../common/retry-after.js'
import type { Ticker } from '../common/ticker.js'
import type { Code } from '../errors/codes.js'
import type { Call } from '../exchange/calls.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange, Follower, Responder } from '../exchange/exchange.js'
import { isKeepable, KeptBody } from '../exchange/kept-body.js'
import { bodySpent, isBodySpent } from '../exchange/spent-body.js'
import { clientLeft } from '../response/client.js'
import type { Head, Wish } from '../response/head.js'
import { Deadlines, isClientSlow } from '../exchange/deadlines.js'
import { asksAt, failureAt, failureBehind, fallBack } from './fallback.js'
import type { Settings } from '../exchange/circuit-options.js'
import {
  isFailureStatus,
  isPlainSuccess,
  isRejected,
  outcomeOf,
  verdictOf,
} from '../exchange/verdict.js'

/** What a circuit breaker keeps for all its requests. */
export interface Mounted {
  readonly settings: Settings
  readonly ticker: Ticker | undefined
  /** Told at the end of each request whether it made a call. */
  readonly sawCall: (seen: boolean) => void
}

/** One admitted request: its deadlines, the one report about it, and the fallback. */
export class Admission implements Follower, Responder {
  readonly closesAt = 'verdict'
  readonly #exchange: Exchange
  readonly #mounted: Mounted
  readonly #circuit: Circuit
  readonly #permit: Permit
  readonly #startedAt = performance.now()
  readonly #deadlines: Deadlines
  /** How many calls there were before. */
  readonly #callsBefore: number
  /** Who answers where no fallback does. */
  readonly #behind: Responder
  #isInside = true
  #fellBack = false
  /** The body, for the fallback. */
  readonly #kept: KeptBody | undefined
  #reported: Verdict | 'nothing' = 'nothing'
  #clientWasSlow = false

  constructor(exchange: Exchange, mounted: Mounted, circuit: Circuit, permit: Permit) {
    this.#exchange = exchange
    this.#mounted = mounted
    this.#circuit = circuit
    this.#permit = permit
    this.#callsBefore = exchange.calls.all.length
    this.#behind = exchange.responder
    this.#deadlines = new Deadlines(exchange, mounted, this)
    exchange.follow(this)
    const { fallback, bufferLimit } = mounted.settings
    if (fallback === undefined) return
    exchange.responder = this
    if (exchange.body === undefined && isKeepable(exchange.req))
      this.#kept = new KeptBody(exchange.req, bufferLimit)
  }

  /** A proxy that repeats a call has no permission for that where the circuit has opened since. */
  get refusal(): GatewayError | undefined {
    const { state } = this.#circuit
    if (state === 'closed' || (state === 'half-open' && this.#permit.probe)) return undefined
    return refusalOf('circuit_open', this.#circuit, this.#mounted.settings.name)
  }

  /** The request is over: what was not judged before is judged now. */
  closed(exchange: Exchange): void {
    this.#deadlines.clear()
    this.#leave()
    this.#judgeEnd()
    this.#mounted.sawCall(exchange.calls.all.length > this.#callsBefore)
  }

  /** Whether an error that the application threw is taken care of. */
  caught(thrown: unknown): boolean {
    if (this.#fellBack) return true
    const failure = failureBehind(this.#exchange, thrown)
    return failure !== undefined && this.#fallBack(failure)
  }

  atHead(_exchange: Exchange, head: Head): Wish {
    this.#deadlines.headOut()
    this.#judgeHead()
    if (!this.#mayFallBack) return undefined
    const { fallbackOn } = this.#mounted.settings
    const failure = failureAt(this.#exchange, head) ?? asksAt(this.#exchange, fallbackOn)
    return failure && (() => void this.#fallBack(failure))
  }

  /** Errors from outside of the call stack, and those that a host hands to us. */
  fail(exchange: Exchange, thrown: unknown): GatewayError {
    const failure = this.#mayFallBack ? failureBehind(exchange, thrown) : undefined
    if (failure === undefined) return this.#behind.fail(exchange, thrown)
    exchange.responder = this.#behind
    this.#start(failure)
    return failure
  }

  report(exchange: Exchange, error: GatewayError): void {
    this.#behind.report?.(exchange, error)
  }

  /** The client gets its answer first: what the proxy says of the aborted call finds a sealed response. */
  expire(code: Code): void {
    this.#deadlines.clear()
    const { response, calls } = this.#exchange
    if (clientLeft(response) || response.settled) return
    const { relay, deciding } = calls
    // One that is still waited for, if it is not the one that decides.
    const call = relay ?? (deciding?.state === 'complete' ? (calls.open ?? deciding) : deciding)
    this.#clientWasSlow = isClientSlow(this.#exchange)
    // A call that had failed before explains why the proxy has not answered.
    const error = call?.failure ?? this.#spent(call) ?? this.#errorOf(code)
    if (call?.state === 'open') call.failure = error
    this.#exchange.fail(error)
    this.#abort(error)
  }

  /** While an answer is on its way through wrappers, what hosts do with a late error would cut it. */
  #abort(error: GatewayError): void {
    const { response, calls, res } = this.#exchange
    const isOnItsWay = response.phase === 'answering' || response.phase === 'answered'
    if (!isOnItsWay || res.writableEnded) return calls.abort(error)
    this.#exchange.follow({ closesAt: 'calls', closed: () => calls.abort(error) })
  }

  /** A probe that waits for its client keeps no other request from being one. */
  clientSends(): void {
    if (this.#permit.probe) this.#circuit.makeRoom(this.#permit)
  }

  /** Its place in the capacity is given back; what the upstream has sent so far waits for the client. */
  clientStalls(): void {
    this.#leave()
  }

  /** What was read before the proxy could send it on, nobody answers. */
  #spent(call: Call | undefined): GatewayError | undefined {
    const { req } = this.#exchange
    return call?.state === 'open' && isBodySpent(call, req) ? bodySpent(req) : undefined
  }

  #fallBack(failure: GatewayError): boolean {
    if (this.#mayFallBack) this.#exchange.fail(failure)
    return this.#fellBack
  }

  #start(failure: GatewayError): void {
    const { fallback } = this.#mounted.settings
    if (fallback === undefined) return
    this.#fellBack = true
    this.#leave()
    this.#judgeEnd()
    void fallBack(this.#exchange, failure, fallback, this.#kept)
  }

  /** A fallback cannot do its work without the body. */
  get #mayFallBack(): boolean {
    return this.#mounted.settings.fallback !== undefined && this.#kept?.isOver !== true
  }

  /** An upstream cannot answer what it has not got. */
  #errorOf(code: Code): GatewayError {
    const isUnsent = this.#clientWasSlow && !this.#exchange.res.headersSent
    return isUnsent
      ? new GatewayError('request_timeout')
      : new GatewayError(code, { upstream: this.#mounted.settings.name })
  }

  callStarted(call: Call): void {
    this.#deadlines.callStarted(call)
  }

  callEnded(call: Call): void {
    this.#deadlines.callEnded(call)
  }

  /** A fallback takes its own time. */
  superseded(): void {
    this.#deadlines.clear()
  }

  /** A failure is told at once, and so is what a half-open circuit waits for. */
  #judgeHead(): void {
    const { probe } = this.#permit
    if (!probe && this.#mayWait()) return
    const verdict = this.#verdict()
    if (verdict === 'failure' || (probe && verdict === 'success')) this.#report(verdict)
  }

  /** Whether there is nothing to tell yet: a body can still die after a good head. */
  #mayWait(): boolean {
    const { origin, calls } = this.#exchange
    // The user's own judgement is asked for once, when there is no more to know.
    if (this.#mounted.settings.isFailure) return calls.deciding?.currentFailure === undefined
    return origin?.by === 'upstream' && !isFailureStatus(origin.call.status)
  }

  #judgeEnd(): void {
    if (this.#reported === 'failure') return
    const verdict = this.#verdict()
    if (verdict !== this.#reported) this.#report(verdict)
  }

  #verdict(): Verdict {
    const { settings } = this.#mounted
    if (this.#clientWasSlow || isRejected(this.#exchange)) return 'neutral'
    if (!settings.isFailure && isPlainSuccess(this.#exchange)) return 'success'
    const outcome = outcomeOf(this.#exchange, this.#startedAt)
    return outcome ? verdictOf(outcome, settings) : 'neutral'
  }

  #report(verdict: Verdict): void {
    this.#circuit.report(this.#permit, verdict, waitAsked(this.#exchange))
    if (verdict !== 'neutral') this.#reported = verdict
  }

  #leave(): void {
    if (this.#isInside) this.#circuit.leave()
    this.#isInside = false
  }
}

/** The wait in milliseconds that an upstream's 503 asks for. */
function waitAsked({ calls: { deciding } }: Exchange): number | undefined {
  if (deciding?.status !== 503) return undefined
  const asked = deciding.fields()['retry-after']
  return asked === undefined ? undefined : waitIn(asked)
}
