import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import { warnOnce } from '../common/warn.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { startObserver } from '../observer/start.js'
import { currentExchange } from '../observer/context.js'
import { observe, watch } from '../observer/watch.js'
import type { Breaker } from '../circuit/circuit.js'
import type { Permit, Refusal } from '../circuit/permit.js'
import { fallBack } from './fallback.js'
import { type Action, fire } from './fire.js'
import { Admission } from './admission.js'
import { tickerOf } from '../exchange/deadlines.js'
import {
  type CircuitBreakerOptions,
  type Fallback,
  readOptions,
  type Settings,
} from '../exchange/circuit-options.js'
import { permission } from '../circuit/permission.js'
import { refusalOf } from '../circuit/refusal.js'
import { circuitsOf } from '../circuit/registry.js'

/** A circuit breaker before it is adapted to a host. */
export interface CircuitBreakerStep {
  readonly step: Step
  /** The opossum instance, for reading and for its events. */
  readonly breaker: Breaker
  /** Makes another call of the application inside of the circuit. */
  fire<T>(action: Action<T>): Promise<T>
}

/** Admitted requests without any call, after which something must be wrong with the mounting. */
const UNSEEN_LIMIT = 20

/**
 * Keeps a circuit breaker around the upstream calls of the middlewares after it.
 *
 * @throws {TypeError} when an option is wrong, or the name is taken with other options.
 */
export function circuitBreakerStep(options: CircuitBreakerOptions): CircuitBreakerStep {
  const settings = readOptions(options)
  const circuits = circuitsOf(settings)
  const keyOf = keyReader(settings)
  // A circuit shows in the list from the start; those of keys come with their first request.
  if (settings.key === undefined) circuits.get()
  startObserver()
  const mounted = {
    settings,
    ticker: tickerOf(settings),
    sawCall: unseenWarning(settings.name),
  }
  function circuitBreaker(exchange: Exchange, next: () => Promise<unknown>): Promise<unknown> {
    // Nobody would be told of its end: the close of this response is over.
    if (isOver(exchange)) return Promise.reject(new GatewayError('client_closed_request'))
    watch(exchange)
    exchange.upstream = settings.name
    if (settings.repeatable) exchange.repeatable = true
    const circuit = circuits.get(keyOf(exchange))
    const goOn = (permit: Permit | Refusal): Promise<unknown> => {
      if (typeof permit === 'string')
        return refuse(exchange, refusalOf(permit, circuit, settings.name), settings.fallback)
      const admission = new Admission(exchange, mounted, circuit, permit)
      const ended = observe(exchange, next)
      // Without a fallback it takes care of no error.
      if (settings.fallback === undefined) return ended
      return ended.catch((error: unknown) => {
        if (!admission.caught(error)) throw error
      })
    }
    const admitted = circuit.admit()
    // To wait for nothing would take another turn for every request.
    return admitted instanceof Promise
      ? permission(circuit, admitted, () => isOver(exchange)).then(goOn)
      : goOn(admitted)
  }
  return {
    step: circuitBreaker,
    get breaker() {
      return circuits.get().breaker
    },
    fire: (action) => fire(circuits.get(keyOf(currentExchange())), settings, action),
  }
}

const isOver = ({ isClosed, res }: Exchange): boolean => isClosed || res.closed

function refuse(
  exchange: Exchange,
  refusal: GatewayError,
  fallback: Fallback | undefined,
): Promise<void> {
  if (fallback === undefined || exchange.res.headersSent) return Promise.reject(refusal)
  return fallBack(exchange, refusal, fallback)
}

/** The key of a request; what has none, or a wrong one, shares the circuit of the name. */
function keyReader({ name, key }: Settings): (exchange: Exchange | undefined) => string {
  const called = `key of circuitBreaker "${name}"`
  return (exchange) => {
    if (key === undefined || exchange === undefined) return ''
    const value: unknown = ask(called, key, exchange)
    if (typeof value === 'string') return value
    if (value !== undefined) warnOnce(key, `${called} must return a string, not ${typeof value}`)
    return ''
  }
}

/** Warns once when none of the first requests made a call that the observer could see. */
function unseenWarning(name: string): (seen: boolean) => void {
  let unseen = 0
  return (seen) => {
    if (unseen >= UNSEEN_LIMIT) return
    if (seen) unseen = -Infinity
    unseen++
    if (unseen !== UNSEEN_LIMIT) return
    process.emitWarning(
      `good-gateway: circuitBreaker "${name}" let ${UNSEEN_LIMIT} requests through and saw no outgoing ` +
        'call; mount it before the proxy, use .fire() for what is not http, https, undici or fetch, and ' +
        'over HTTP/2 let what follows run inside of next() where a promise is put around it.',
    )
  }
}
