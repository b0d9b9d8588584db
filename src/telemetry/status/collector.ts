import type { CallEndEvent, ProblemEvent } from '../../common/event-shapes.js'
import { listen } from '../../common/events.js'
import { type FleetReport, Fleets } from '../fleets.js'
import { coveredSeconds, Window } from './window.js'
import { visible } from './words.js'

/** The calls to one upstream in the last minute. */
export interface UpstreamReport {
  /** Absent for calls that no circuit breaker has named. */
  readonly name?: string
  readonly calls: number
  readonly per_second: number
  /** Of these, those that failed or were answered with a status from 500 on. */
  readonly failed: number
  /** Seconds until the head of the response that half of the calls did not exceed; absent without a response. */
  readonly p50?: number
  /** The same for 99 of 100 calls. */
  readonly p99?: number
}

/** The problems of one code since the start. */
export interface ProblemReport {
  readonly code: string
  readonly count: number
  /** Of the last one, as all that follows (RFC 3339). */
  readonly last: string
  readonly status: number
  readonly upstream?: string
  /** Template of the route. */
  readonly route?: string
}

/** Most upstreams that are told apart; names come from the configuration, and are few. */
const MOST_UPSTREAMS = 100
const OTHERS = '_other'

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** Listens to the events, and keeps what the page shows of them: no more memory after a day than after a minute. */
export class Collector {
  readonly #upstreams = new Map<string, Window>()
  readonly #problems = new Map<string, Mutable<ProblemReport>>()
  readonly #fleets = new Fleets()
  readonly #startedAt = Date.now()
  /** Ends the listening. */
  readonly stop: () => void

  constructor() {
    this.stop = listen({
      'call:end': (event) => this.#addCall(event),
      problem: (event) => this.#addProblem(event),
      fleet: (event) => this.#fleets.add(event),
    })
  }

  upstreams(): UpstreamReport[] {
    const now = Date.now()
    const seconds = Math.max(1, Math.min(coveredSeconds(now), (now - this.#startedAt) / 1000))
    return [...this.#upstreams]
      .map(([name, window]) => upstreamOf(name, window.sums(now), seconds))
      .filter(({ calls }) => calls > 0)
      .sort((a, b) => b.failed - a.failed || b.calls - a.calls)
  }

  /** The last first. */
  problems(): ProblemReport[] {
    return [...this.#problems.values()].sort((a, b) => (a.last < b.last ? 1 : -1))
  }

  fleets(): FleetReport[] {
    return this.#fleets.list()
  }

  #addCall({ upstream = '', state, status = 0, code, times }: CallEndEvent): void {
    const hasFailed = state === 'failed' || status >= 500 || isTooLate(state, code)
    const name = roomFor(this.#upstreams, upstream, MOST_UPSTREAMS)
    let window = this.#upstreams.get(name)
    if (window === undefined) this.#upstreams.set(name, (window = new Window()))
    window.add(Date.now(), hasFailed, times.firstByte)
  }

  #addProblem({ code, status, upstream, route, reported }: ProblemEvent): void {
    if (reported) return
    const count = (this.#problems.get(code)?.count ?? 0) + 1
    this.#problems.set(code, {
      code,
      count,
      last: new Date().toISOString(),
      status,
      ...(upstream !== undefined && { upstream: visible(upstream) }),
      ...(route !== undefined && { route: visible(route) }),
    })
  }
}

/** A call that a deadline has ended; one whose client has left says nothing about its upstream. */
const isTooLate = (state: CallEndEvent['state'], code: string | undefined): boolean =>
  state === 'aborted' && code !== undefined && code !== 'client_closed_request'

/** The name under which a map that is full counts. */
const roomFor = (map: ReadonlyMap<string, unknown>, name: string, most: number): string =>
  map.has(name) || map.size < most ? name : OTHERS

function upstreamOf(
  name: string,
  { calls, failed, p50, p99 }: ReturnType<Window['sums']>,
  seconds: number,
): UpstreamReport {
  return {
    ...(name !== '' && { name: visible(name) }),
    calls,
    per_second: Number((calls / seconds).toPrecision(3)),
    failed,
    ...(p50 !== undefined && { p50: asSeconds(p50) }),
    ...(p99 !== undefined && { p99: asSeconds(p99) }),
  }
}

const asSeconds = (milliseconds: number): number => Number((milliseconds / 1000).toPrecision(3))
