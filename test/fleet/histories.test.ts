import assert from 'node:assert/strict'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { MemoryStore, Wire } from '../support/fleet-store.js'
import { Process } from '../support/fleet-member.js'
import { until } from '../support/until.js'

const MEMBERS = 6
const STEPS = 300
/** Milliseconds. */
const RESYNC = 60

interface Gateway {
  readonly wire: Wire
  readonly one: Process
}

/** The same numbers for the same seed. */
function random(seed: number): (most: number) => number {
  let state = seed
  return (most) => {
    state = (state * 48_271) % 2_147_483_647
    return state % most
  }
}

/** Six processes, their store, and an upstream. */
class World {
  readonly store = new MemoryStore()
  isUp = true
  readonly gateways: readonly Gateway[] = Array.from({ length: MEMBERS }, () => {
    const wire = new Wire(this.store)
    const settings = { resync: RESYNC, timeout: 40, leaseTimeout: 20 }
    return { wire, one: new Process(wire, settings, { resetTimeout: 20 }) }
  })
  readonly all = this.gateways.map(({ one }) => one)
  readonly troubles: readonly ((gateway: Gateway) => unknown)[] = [
    ({ wire }) => wire.cut(),
    ({ wire }) => wire.mend(),
    ({ wire }) => wire.mend(),
    () => (this.isUp = !this.isUp),
    ({ one }) => one.open(),
    ({ one }) => one.close(),
    ({ one }) => one.close(),
    () => this.store.pause(),
    () => this.store.resume(),
    () => this.store.resume(),
    () => this.store.data.rows.clear(),
    () => this.store.cut(),
  ]

  async step(any: (most: number) => number): Promise<void> {
    const gateway = this.gateways[any(MEMBERS)] as Gateway
    if (any(6) === 0) this.troubles[any(this.troubles.length)]?.(gateway)
    else void gateway.one.call(this.isUp ? 'success' : 'failure')
    if (any(4) === 0) await sleep(any(10))
    else await turn()
  }

  mend(): void {
    this.store.resume()
    for (const { wire } of this.gateways) wire.mend()
  }

  /** Until it holds for all of them. */
  async untilAll(isSo: (one: Process) => boolean): Promise<void> {
    await until(() => this.all.every(isSo))
  }
}

describe('a fleet in random histories', function () {
  this.timeout(60_000)

  for (const seed of [1, 2, 3])
    it(`ends with the same circuits everywhere (history ${seed})`, async () => {
      const any = random(seed)
      const world = new World()
      for (let at = 0; at < STEPS; at++) await world.step(any)
      world.mend()
      await world.untilAll(({ member }) => member.isJoined)
      // One operator opens for all, and closes for all, whatever was before.
      world.all[0]?.open()
      await world.untilAll(({ circuit }) => circuit.isHeld)
      world.all[1]?.close()
      await world.untilAll(({ circuit }) => !circuit.isHeld)
      while (world.all.some(({ circuit }) => circuit.state !== 'closed')) {
        for (const one of world.all) await one.call('success')
        await turn()
      }
      for (const one of world.all) one.stop()
      assert.equal(world.store.listeners, 0)
    })
})
