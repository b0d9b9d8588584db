import { GatewayError } from '../errors/gateway-error.js'
import { explain } from '../exchange/explain.js'
import { clientLeft } from '../response/client.js'
import { read } from '../failures/rule.js'
import { currentExchange, isAbandoned, unobserved } from '../observer/context.js'
import type { Circuit } from '../circuit/circuit.js'
import type { Outcome, Settings } from '../exchange/circuit-options.js'
import { permission } from '../circuit/permission.js'
import { refusalOf } from '../circuit/refusal.js'
import type { Follower } from '../exchange/exchange.js'
import { waitIn } from '../common/retry-after.js'
import { verdictOf } from '../exchange/verdict.js'

/** A call of the application; it should end when the signal aborts. */
export type Action<T> = (signal: AbortSignal) => PromiseLike<T> | T

/**
 * Makes a call inside of a circuit: what is refused, too late or broken rejects with the same codes
 * that a proxied request is answered with.
 *
 * The call is none of the request that it is made in: it is judged here, once.
 *
 * @throws {GatewayError} `circuit_open`, `concurrency_limit`, `upstream_…`; `client_closed_request`
 *   when the caller aborts the call or its client leaves.
 */
export async function fire<T>(circuit: Circuit, settings: Settings, action: Action<T>): Promise<T> {
  try {
    return await admitted(circuit, settings, action)
  } catch (error) {
    const exchange = currentExchange()
    if (exchange) exchange.rejected = error as GatewayError
    throw error
  }
}

async function admitted<T>(circuit: Circuit, settings: Settings, action: Action<T>): Promise<T> {
  // Nobody would abort the call.
  if (isAbandoned()) throw new GatewayError('client_closed_request')
  const asked = circuit.admit()
  const permit = asked instanceof Promise ? await permission(circuit, asked, isAbandoned) : asked
  if (typeof permit === 'string') throw refusalOf(permit, circuit, settings.name)
  const startedAt = performance.now()
  const end = (seen: Seen, error?: GatewayError) => {
    const outcome = outcomeOf(seen, error, performance.now() - startedAt)
    circuit.leave()
    circuit.report(permit, verdictOf(outcome, settings), waitAsked(seen))
  }
  let value: T
  try {
    value = await within(settings, action)
  } catch (thrown) {
    const error = meaningOf(thrown, settings.name)
    end(responseIn(read(thrown, 'response')), error)
    throw error
  }
  end(responseIn(value))
  return value
}

/** Runs the action until it settles, its time is over or the client of its request leaves. */
async function within<T>(settings: Settings, action: Action<T>): Promise<T> {
  const controller = new AbortController()
  const { signal } = controller
  const exchange = currentExchange()
  const timer = startTimer(settings, controller)
  const left: Follower = {
    closesAt: 'calls',
    closed: ({ response }) => {
      if (clientLeft(response)) controller.abort(new GatewayError('client_closed_request'))
    },
  }
  exchange?.follow(left)
  try {
    return await new Promise<T>((resolve, reject) => {
      // An action that does not listen to the signal is not waited for.
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      unobserved(() => Promise.resolve(action(signal)).then(resolve, reject))
    })
  } finally {
    clearTimeout(timer)
    exchange?.unfollow(left)
  }
}

/** Without a head to wait for, both times run until the end. */
function startTimer(
  { name, timeout, totalTimeout }: Settings,
  controller: AbortController,
): NodeJS.Timeout | undefined {
  const time = Math.min(timeout || Infinity, totalTimeout || Infinity)
  if (time === Infinity) return undefined
  return setTimeout(
    () => controller.abort(new GatewayError('upstream_timeout', { upstream: name })),
    time,
  ).unref()
}

/** What of a response matters here. */
interface Seen {
  readonly status?: number
  readonly retryAfter?: string
}

/** Responses of fetch, undici and axios; anything else that has a status is data of the application. */
function responseIn(value: unknown): Seen {
  const headers = read(value, 'headers')
  const status = read(value, 'status') ?? read(value, 'statusCode')
  if (typeof headers !== 'object' || headers === null || !Number.isInteger(status)) return {}
  const field =
    headers instanceof Headers ? headers.get('retry-after') : read(headers, 'retry-after')
  return {
    status: Number(status),
    ...(typeof field === 'string' && { retryAfter: field }),
  }
}

/** A rejection by the caller's own signal; that of ours has rejected before. */
const ABORTS: ReadonlySet<unknown> = new Set(['AbortError', 'CanceledError'])

function meaningOf(thrown: unknown, upstream: string): GatewayError {
  if (ABORTS.has(read(thrown, 'name'))) {
    return new GatewayError('client_closed_request', { cause: thrown })
  }
  return (
    explain(thrown, { upstream }) ?? new GatewayError('upstream_error', { upstream, cause: thrown })
  )
}

/** A library that rejects for a status has had its answer: the status tells how the upstream is. */
function outcomeOf({ status }: Seen, error: GatewayError | undefined, durationMs: number): Outcome {
  const aborted = error?.code === 'client_closed_request'
  const failed = error !== undefined && !aborted && status === undefined
  return {
    ...(status !== undefined && { status }),
    ...(failed && { code: error.code, error }),
    complete: !failed && !aborted,
    aborted,
    durationMs,
  }
}

function waitAsked({ status, retryAfter }: Seen): number | undefined {
  return status === 503 && retryAfter !== undefined ? waitIn(retryAfter) : undefined
}
