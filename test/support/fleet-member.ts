import type { CircuitBreakerOptions } from '../../src/exchange/circuit-options.js'
import { Circuit, type Permit } from '../../src/circuit/circuit.js'
import { Member, type Settings } from '../../src/fleet/member.js'
import type { FleetStore } from '../../src/fleet/store.js'
import { settingsOf } from '../circuit/settings.js'
import { until } from './until.js'

const DEFAULTS: Settings = {
  fleet: 'test',
  adopt: 'probation',
  control: 'fleet',
  timeout: 300,
  leaseTimeout: 100,
  resync: 30_000,
}

/** One process of a fleet, with one circuit, inside of this process. */
export class Process {
  readonly member: Member
  readonly circuit: Circuit

  constructor(
    store: FleetStore,
    settings: Partial<Settings> = {},
    options: Partial<CircuitBreakerOptions> = {},
  ) {
    this.member = new Member(store, { ...DEFAULTS, ...settings })
    this.circuit = new Circuit(settingsOf({ volumeThreshold: 3, resetTimeout: 150, ...options }))
    this.circuit.share(this.member.join('orders', '', this.circuit))
    this.member.start()
  }

  async joined(): Promise<this> {
    await until(() => this.member.state === 'joined')
    return this
  }

  /** One request; whether it was let through. */
  async call(verdict: 'success' | 'failure' | 'neutral'): Promise<boolean> {
    const permit = await this.circuit.admit()
    if (typeof permit === 'string') return false
    this.circuit.leave()
    this.circuit.report(permit, verdict)
    return true
  }

  /** Fails until the circuit is open; how many calls that took. */
  async failOpen(): Promise<number> {
    let calls = 0
    while (this.circuit.state !== 'open') if (await this.call('failure')) calls++
    return calls
  }

  async permit(): Promise<Permit> {
    const permit = await this.circuit.admit()
    if (typeof permit === 'string') throw new Error(permit)
    return permit
  }

  /** What an operator does, by `breakers`. */
  open(): void {
    this.circuit.forceOpen()
    this.circuit.shared?.held()
  }

  close(): void {
    this.circuit.close()
    this.circuit.shared?.released()
  }

  stop(): void {
    this.circuit.shared?.left()
    this.circuit.share(undefined)
    this.member.stop()
    this.circuit.breaker.shutdown()
  }
}
