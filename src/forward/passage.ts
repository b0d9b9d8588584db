import type { Circuit, Permit, Verdict } from '../circuit/circuit.js'
import { permission } from '../circuit/permission.js'
import { refusalOf } from '../circuit/refusal.js'
import { type Circuits, circuitsOf } from '../circuit/registry.js'
import { waitIn } from '../common/retry-after.js'
import type { Ticker } from '../common/ticker.js'
import type { Code } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Settings } from '../exchange/circuit-options.js'
import { Deadlines, isClientSlow, tickerOf } from '../exchange/deadlines.js'
import type { Exchange } from '../exchange/exchange.js'
import { verdictOf } from '../exchange/verdict.js'
import { clientLeft } from '../response/client.js'
import type { ForwardCall } from './forward-call.js'

/** The circuit of a target, with the times of its calls. */
export class TargetCircuit {
  readonly settings: Settings
  readonly ticker: Ticker | undefined
  readonly #circuits: Circuits

  constructor(settings: Settings) {
    this.settings = settings
    this.ticker = tickerOf(settings)
    this.#circuits = circuitsOf(settings)
    // It shows in the list from the start.
    this.#circuits.get()
  }

  get isOpen(): boolean {
    return this.#circuits.get().state === 'open'
  }

  /**
   * Asks for the permission to make one call: the only place where that is done.
   *
   * @throws {GatewayError} `circuit_open`, `concurrency_limit`.
   */
  async enter(exchange: Exchange): Promise<Passage> {
    const circuit = this.#circuits.get()
    // Where processes share it, they are asked first.
    const asked = circuit.admit()
    const isOver = () => exchange.isClosed
    const permit = asked instanceof Promise ? await permission(circuit, asked, isOver) : asked
    if (typeof permit === 'string') throw refusalOf(permit, circuit, this.settings.name)
    return new Passage(exchange, this, circuit, permit)
  }
}

/** One call that a circuit has let through: its times, and the one report about it. */
export class Passage {
  readonly #exchange: Exchange
  readonly #target: TargetCircuit
  readonly #circuit: Circuit
  readonly #permit: Permit
  readonly #deadlines: Deadlines
  readonly #startedAt = performance.now()
  #call: ForwardCall | undefined
  #reported: Verdict | 'nothing' = 'nothing'
  #isInside = true
  #clientWasSlow = false

  constructor(exchange: Exchange, target: TargetCircuit, circuit: Circuit, permit: Permit) {
    this.#exchange = exchange
    this.#target = target
    this.#circuit = circuit
    this.#permit = permit
    this.#deadlines = new Deadlines(exchange, target, this)
  }

  begin(call: ForwardCall): void {
    this.#call = call
    this.#deadlines.callStarted(call)
  }

  /** Its head is there: a failure is told at once. */
  answered(call: ForwardCall): void {
    if (this.#target.settings.isFailure) return
    if (this.#verdict(call) === 'failure') this.#report(call, 'failure')
  }

  /** Its head has gone out: a half-open circuit waits for no more. */
  headOut(call: ForwardCall): void {
    this.#deadlines.headOut()
    if (!this.#permit.probe || this.#reported !== 'nothing') return
    const verdict = this.#verdict(call)
    if (verdict !== 'neutral') this.#report(call, verdict)
  }

  /** The call is over, or was never made; one that is `excused` counts for nothing. */
  end(call: ForwardCall | undefined, excused = false): void {
    this.#deadlines.clear()
    this.clientStalls()
    if (this.#reported === 'failure') return
    const verdict = call && !excused && !this.#clientWasSlow ? this.#verdict(call) : 'neutral'
    if (verdict !== this.#reported) this.#report(call, verdict)
  }

  expire(code: Code): void {
    this.#deadlines.clear()
    const { response, calls } = this.#exchange
    if (clientLeft(response) || response.settled) return
    this.#clientWasSlow = isClientSlow(this.#exchange)
    const isUnsent = this.#clientWasSlow && !this.#exchange.res.headersSent
    const upstream = this.#target.settings.name
    const error = isUnsent
      ? new GatewayError('request_timeout')
      : new GatewayError(code, { upstream })
    const call = this.#call
    // A call that is over may have a response that is still being changed.
    if (calls.relay !== call && !isUnsent && call?.state === 'open') return call.abort(error)
    // The client gets its answer, or the cut, before the call tells of its end.
    if (call?.state === 'open') call.failure = error
    this.#exchange.fail(error)
    call?.abort(error)
  }

  clientSends(): void {
    if (this.#permit.probe) this.#circuit.makeRoom(this.#permit)
  }

  clientStalls(): void {
    if (this.#isInside) this.#circuit.leave()
    this.#isInside = false
  }

  #verdict(call: ForwardCall): Verdict {
    const { failure, status, state } = call
    const left = failure
      ? failure.code === 'client_closed_request'
      : clientLeft(this.#exchange.response)
    return verdictOf(
      {
        ...(status !== undefined && { status }),
        ...(failure && !left && { code: failure.code, error: failure }),
        complete: state === 'complete',
        aborted: left,
        durationMs: performance.now() - this.#startedAt,
      },
      this.#target.settings,
    )
  }

  #report(call: ForwardCall | undefined, verdict: Verdict): void {
    const asked = call?.status === 503 ? call.fields()['retry-after'] : undefined
    this.#circuit.report(this.#permit, verdict, asked === undefined ? undefined : waitIn(asked))
    if (verdict !== 'neutral') this.#reported = verdict
  }
}
