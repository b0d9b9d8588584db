import { breakers, type CircuitEntry } from '../circuit/registry.js'
import { listen } from '../common/events.js'
import { withoutStack } from '../errors/gateway-error.js'
import { type Check, checkedOptions } from '../common/options.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { respond } from '../response/respond.js'
import { type FleetReport, Fleets } from './fleets.js'
import { isAt, pathOption, refuseOtherMethods } from './place.js'

/** Options of `health`; both paths are relative to the mount path, as those of the host's routes are. */
export interface HealthOptions {
  /** Path that says whether the process runs: always 200. @defaultValue `'/livez'` */
  readonly live?: string
  /** Path that says whether it takes requests: 503 from `drain()` on. @defaultValue `'/readyz'` */
  readonly ready?: string
}

/** The step of `health`, and how it is told that the server shuts down. */
export interface Health {
  readonly step: Step
  /** See `HealthHandle`. */
  readonly drain: () => void
}

/** Something that an operator should look at, while requests are still answered. */
type Warning = CircuitWarning | FleetWarning

interface CircuitWarning {
  readonly code: 'circuit_open' | 'circuit_half_open' | 'circuit_held'
  readonly circuit: string
  /** Of how many circuits of this name, one for each key, it is true. */
  readonly count: number
}

interface FleetWarning {
  readonly code: 'fleet_away' | 'fleet_joining'
  readonly fleet: string
}

const CHECKS: Record<keyof HealthOptions, Check> = { live: pathOption, ready: pathOption }

/**
 * Answers the probes of an orchestrator or a load balancer.
 *
 * @throws {TypeError} when an option is wrong, or both paths are one.
 */
export function healthStep(options: HealthOptions = {}): Health {
  const { live = '/livez', ready = '/readyz' } = checkedOptions('health', options, CHECKS)
  if (live === ready)
    throw new TypeError(`health: options "live" and "ready" are both "${live}"; give each its own`)
  const fleets = new Fleets()
  const stop = listen({ fleet: (event) => fleets.add(event) })
  let isDraining = false
  const step: Step = async function health(exchange, next) {
    const isReady = isAt(exchange, ready)
    if (!isReady && !isAt(exchange, live)) return void (await next())
    refuseOtherMethods(exchange, ['GET', 'HEAD'])
    if (!isReady) return answer(exchange, { status: 'live' })
    if (isDraining) throw withoutStack('gateway_shutting_down')
    const warnings = [...circuitWarnings(breakers.list()), ...fleetWarnings(fleets.list())]
    answer(exchange, { status: 'ready', warnings })
  }
  const drain = (): void => {
    isDraining = true
    stop()
  }
  return { step, drain }
}

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }

function answer({ response }: Exchange, body: object): void {
  respond(response, { status: 200, headers: HEADERS, body: `${JSON.stringify(body)}\n` })
}

/**
 * One warning for each name and state. Anybody may ask, so the keys are left out: clients may have
 * chosen them. And it is a warning only: one upstream that is away must not take the gateway out of
 * its load balancer.
 */
function circuitWarnings(entries: readonly CircuitEntry[]): Warning[] {
  const counts = new Map<string, CircuitWarning>()
  for (const { name, state, held } of entries) {
    if (state === 'closed') continue
    const code = held ? 'circuit_held' : state === 'open' ? 'circuit_open' : 'circuit_half_open'
    const id = `${code} ${name}`
    counts.set(id, { code, circuit: name, count: (counts.get(id)?.count ?? 0) + 1 })
  }
  return [...counts.values()]
}

function fleetWarnings(fleets: readonly FleetReport[]): FleetWarning[] {
  return fleets.flatMap(({ fleet, state }) =>
    state === 'joined' ? [] : [{ code: `fleet_${state}`, fleet }],
  )
}
