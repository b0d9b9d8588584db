import { shareAll } from '../circuit/registry.js'
import { type Check, checkedOptions, oneOf, time } from '../common/options.js'
import { Member, type MemberState, type Settings } from './member.js'
import type { FleetStore } from './store.js'

/** Options of `shareCircuits`; all times are milliseconds. */
export interface FleetOptions {
  /** Which processes belong together: a part of the keys and of the channel in the store. */
  readonly fleet: string
  /**
   * What news do. With `probation` the next call of its own decides whether a circuit follows; with
   * `immediate` it follows at once, and one bad gateway opens it everywhere.
   * @defaultValue `'probation'`
   */
  readonly adopt?: 'probation' | 'immediate'
  /** Whether `open()` and `close()` by an operator count for all or here only. @defaultValue `'fleet'` */
  readonly control?: 'fleet' | 'local'
  /** Until a command to the store counts as failed, and the store as away. @defaultValue `1000` */
  readonly timeout?: number
  /** Most that a request to a half-open circuit waits for the store. @defaultValue `500` */
  readonly leaseTimeout?: number
  /** Between two comparisons with the store. @defaultValue `30_000` */
  readonly resync?: number
}

/** This process as a member of a fleet. */
export interface FleetMember {
  /** `away`: the store cannot be used, and this process decides alone until it is back. */
  readonly state: MemberState
  /** Leaves the fleet; the circuits stay as they are. */
  stop(): void
}

const DEFAULTS = {
  adopt: 'probation',
  control: 'fleet',
  timeout: 1000,
  leaseTimeout: 500,
  resync: 30_000,
} as const

/** Braces would end the hash tag of the keys. */
const FLEET = /^[\w.:-]{1,64}$/

const CHECKS: Record<keyof FleetOptions, Check> = {
  fleet: [
    (value) => typeof value === 'string' && FLEET.test(value),
    'up to 64 letters, digits, "_", "-", "." or ":", such as "prod"',
  ],
  adopt: oneOf('probation', 'immediate'),
  control: oneOf('fleet', 'local'),
  timeout: time,
  leaseTimeout: time,
  resync: time,
}

/**
 * Shares the circuits of this process with the other processes of a fleet.
 *
 * A closed circuit asks nobody. What others say of an upstream puts a circuit on probation: its own
 * next call decides. One probe is sent for all. Without the store, each process decides for itself.
 *
 * @experimental
 * @throws {TypeError} when an option is wrong, or the circuits are shared already.
 * @example
 * const fleet = shareCircuits(redis(client), { fleet: 'prod' })
 */
export function shareCircuits(store: FleetStore, options: FleetOptions): FleetMember {
  const settings = readOptions(store, options)
  const member = new Member(store, settings)
  const leave = shareAll(member)
  member.start()
  return {
    get state() {
      return member.state
    },
    stop: () => {
      leave()
      member.stop()
    },
  }
}

function readOptions(store: FleetStore, options: FleetOptions): Settings {
  if (typeof store?.run !== 'function' || typeof store.listen !== 'function')
    throw new TypeError('shareCircuits: give it a store: shareCircuits(redis(client), { fleet })')
  const { fleet, ...given } = checkedOptions('shareCircuits', options, CHECKS)
  if (fleet === undefined)
    throw new TypeError(
      'shareCircuits: option "fleet" is missing; name the processes that belong together, such as "prod"',
    )
  return { ...DEFAULTS, ...given, fleet }
}
