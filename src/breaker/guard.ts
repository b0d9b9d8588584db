import type { Code } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { clientLeft, type Exchange } from '../exchange/exchange.js'
import { type Head, onHead } from '../response/gate.js'
import { callsOf } from '../observer/context.js'
import { drop } from '../observer/watch.js'
import type { Circuit, Permit, Verdict } from '../circuit/circuit.js'
import { Deadlines, isClientSlow } from './deadlines.js'
import { failureAt, failureBehind, fallBack } from './fallback.js'
import type { Fallback, Outcome, Settings } from './options.js'
import { waitIn } from '../common/retry-after.js'
import { outcomeOf, verdictOf } from './verdict.js'

/** One admitted request: its deadlines, the one report about it, and the fallback. */
export class GuardedExchange {
  readonly #exchange: Exchange
  readonly #settings: Settings
  readonly #circuit: Circuit
  readonly #startedAt = performance.now()
  readonly #deadlines: Deadlines
  #permit: Permit
  #inside = true
  #fellBack = false
  #reported: 'nothing' | 'success' | 'failure' = 'nothing'
  #clientWasSlow = false

  constructor(exchange: Exchange, settings: Settings, circuit: Circuit, permit: Permit) {
    this.#exchange = exchange
    this.#settings = settings
    this.#circuit = circuit
    this.#permit = permit
    this.#deadlines = new Deadlines(exchange, settings, (code) => this.#expire(code))
    callsOf(exchange).watchers.push(this.#deadlines)
    onHead(exchange, (head) => this.#headOut(head))
    if (settings.fallback) this.#answerBy(settings.fallback)
  }

  /** The response is over: what was not judged before is judged now. */
  closed(): void {
    this.#deadlines.clear()
    this.#judgeEnd()
    this.#leave()
  }

  /** Whether an error that the application threw is taken care of. */
  caught(thrown: unknown): boolean {
    if (this.#fellBack) return true
    const failure = failureBehind(this.#exchange, thrown)
    return failure !== undefined && this.#fallBack(failure)
  }

  #headOut({ status }: Head): (() => void) | undefined {
    this.#deadlines.headOut()
    this.#judgeHead()
    const failure = this.#settings.fallback && failureAt(this.#exchange, status)
    return failure && (() => void this.#fallBack(failure))
  }

  /** Errors from outside of the call stack, and those that a host hands to us. */
  #answerBy(fallback: Fallback): void {
    const { answer } = this.#exchange
    this.#exchange.answer = (thrown) => {
      const failure = failureBehind(this.#exchange, thrown)
      if (failure === undefined) return answer(thrown)
      this.#exchange.answer = answer
      this.#start(failure, fallback)
      return failure
    }
  }

  #fallBack(failure: GatewayError): boolean {
    const { fallback } = this.#settings
    if (fallback) this.#exchange.answer(failure)
    return this.#fellBack
  }

  #start(failure: GatewayError, fallback: Fallback): void {
    this.#fellBack = true
    this.#judgeEnd()
    this.#leave()
    void fallBack(this.#exchange, failure, fallback)
  }

  /** The client gets its answer first: what the proxy says of the aborted call finds a sealed response. */
  #expire(code: Code): void {
    this.#deadlines.clear()
    if (clientLeft(this.#exchange) || this.#exchange.settled) return
    const { relay, last, open } = callsOf(this.#exchange)
    // One that is still waited for, if it is not the one that decides.
    const call = relay ?? (last?.state === 'complete' ? ([...open][0] ?? last) : last)
    this.#clientWasSlow = isClientSlow(this.#exchange)
    // A call that had failed before explains why the proxy has not answered.
    const error = call?.failure ?? this.#errorOf(code)
    if (call?.state === 'open') call.failure = error
    this.#exchange.answer(error)
    drop(this.#exchange, error)
  }

  /** An upstream cannot answer what it has not got. */
  #errorOf(code: Code): GatewayError {
    const notSent = this.#clientWasSlow && !this.#exchange.res.headersSent
    return notSent
      ? new GatewayError('request_timeout')
      : new GatewayError(code, { upstream: this.#settings.name })
  }

  /** A failure is told at once, and so is what a half-open circuit waits for. */
  #judgeHead(): void {
    const outcome = outcomeOf(this.#exchange, this.#startedAt)
    const { probe } = this.#permit
    // The user's own judgement is asked for once, when there is no more to know.
    if (!probe && this.#settings.isFailure && outcome?.error === undefined) return
    const verdict = this.#verdictOf(outcome)
    if (verdict === 'failure' || (probe && verdict === 'success')) this.#report(verdict)
  }

  /** A body can still die after a good head. */
  #judgeEnd(): void {
    if (this.#reported === 'failure') return
    const verdict = this.#verdictOf(outcomeOf(this.#exchange, this.#startedAt))
    if (verdict !== this.#reported) this.#report(verdict)
  }

  #verdictOf(outcome: Outcome | undefined): Verdict {
    return outcome && !this.#clientWasSlow ? verdictOf(outcome, this.#settings) : 'neutral'
  }

  #report(verdict: Verdict): void {
    this.#circuit.report(this.#permit, verdict, waitAsked(this.#exchange))
    if (verdict !== 'neutral') this.#reported = verdict
  }

  #leave(): void {
    if (this.#inside) this.#circuit.leave()
    this.#inside = false
  }
}

/** The wait in milliseconds that an upstream's 503 asks for. */
function waitAsked(exchange: Exchange): number | undefined {
  const { last } = callsOf(exchange)
  if (last?.status !== 503) return undefined
  const asked = last.fields()['retry-after']
  return asked === undefined ? undefined : waitIn(asked)
}
