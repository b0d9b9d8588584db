import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Settings } from '../../src/fleet/member.js'
import type { CircuitBreakerOptions } from '../../src/exchange/circuit-options.js'
import { MemoryStore, Wire } from '../support/fleet-store.js'
import { Process } from '../support/fleet-member.js'
import { until } from '../support/until.js'

/** A row as somebody else would write it. */
const forged = (change: object = {}): string => {
  const now = Date.now()
  return JSON.stringify({
    v: 1,
    id: 'orders',
    by: 'somebody',
    state: 'open',
    hand: false,
    gen: now + 1000,
    ends: now + 60_000,
    wait: 60_000,
    inRow: 1,
    ...change,
  })
}

describe('a fleet', () => {
  let store: MemoryStore
  let processes: Process[]

  beforeEach(() => {
    store = new MemoryStore()
    processes = []
  })

  afterEach(() => {
    for (const process_ of processes) process_.stop()
    store.resume()
  })

  function started(
    settings: Partial<Settings> = {},
    options: Partial<CircuitBreakerOptions> = {},
  ): Process {
    const one = new Process(store, settings, options)
    processes.push(one)
    return one
  }
  async function fleet(
    size: number,
    settings: Partial<Settings> = {},
    options: Partial<CircuitBreakerOptions> = {},
  ): Promise<Process[]> {
    const all = Array.from({ length: size }, () => started(settings, options))
    return Promise.all(all.map((one) => one.joined()))
  }
  const row = () => JSON.parse(store.data.rows.get('orders') ?? '{}') as Record<string, unknown>
  const actions = (name: string) => store.actions.filter((action) => action === name).length
  /** Until a message that was sent before has been heard. */
  const heard = () => new Promise((resolve) => setImmediate(resolve))

  describe('whose circuits are closed', () => {
    it('sends no command for 1,000 requests', async () => {
      const [one] = (await fleet(1)) as [Process]
      const before = store.actions.length
      for (let at = 0; at < 1000; at++) await one.call('success')
      assert.equal(store.actions.length, before)
    })

    it('lets a request through without a promise', async () => {
      const [one] = (await fleet(1)) as [Process]
      assert.equal(one.circuit.admit() instanceof Promise, false)
    })
  })

  describe('in which one circuit opens', () => {
    it('opens the others after one failing call of their own each, until the same time', async () => {
      const [first, ...others] = (await fleet(4, {}, { resetTimeout: 60_000 })) as [
        Process,
        ...Process[],
      ]
      assert.equal(await first.failOpen(), 3)
      await until(() => row().state === 'open')
      await heard()
      for (const other of others) {
        assert.equal(other.circuit.state, 'closed')
        assert.equal(await other.failOpen(), 1)
        assert.ok(Math.abs(other.circuit.opening.until - first.circuit.opening.until) < 50)
      }
      assert.equal(actions('tell'), 1)
    })

    it('keeps the circuits closed whose next call succeeds', async () => {
      const [first, healthy] = (await fleet(2, {}, { volumeThreshold: 5 })) as [Process, Process]
      await first.failOpen()
      await until(() => row().state === 'open')
      await heard()
      assert.equal(await healthy.call('success'), true)
      assert.equal(await healthy.call('failure'), true)
      assert.equal(healthy.circuit.state, 'closed')
    })

    it('does not judge by calls that were let through before the news', async () => {
      const [first, other] = (await fleet(2, {}, { volumeThreshold: 5 })) as [Process, Process]
      const early = [await other.permit(), await other.permit()] as const
      await first.failOpen()
      await until(() => row().state === 'open')
      await heard()
      other.circuit.report(early[0], 'failure')
      assert.equal(other.circuit.state, 'closed')
      other.circuit.report(early[1], 'success')
      assert.equal(await other.failOpen(), 1)
    })

    it('opens all at once with adopt: "immediate", and closes them at once', async () => {
      const [first, other] = (await fleet(2, { adopt: 'immediate' })) as [Process, Process]
      await first.failOpen()
      await until(() => other.circuit.state === 'open')
      await until(() => first.circuit.state === 'half-open')
      assert.equal(await first.call('success'), true)
      await until(() => other.circuit.state === 'closed')
      assert.deepEqual([actions('tell'), actions('lease')], [2, 1])
    })

    it('tells a process that comes later', async () => {
      const [first] = (await fleet(1, {}, { resetTimeout: 60_000 })) as [Process]
      await first.failOpen()
      await until(() => row().state === 'open')
      const late = await started().joined()
      assert.equal(await late.failOpen(), 1)
    })
  })

  describe('whose circuits are half-open', () => {
    async function halfOpen(size: number, resetTimeout = 150): Promise<Process[]> {
      const all = await fleet(size, {}, { resetTimeout })
      await all[0]?.failOpen()
      await until(() => row().state === 'open')
      await heard()
      for (const other of all.slice(1)) await other.failOpen()
      await until(() => all.every(({ circuit }) => circuit.state === 'half-open'))
      return all
    }

    it('sends one probe for all', async () => {
      const all = await halfOpen(4)
      const permits = await Promise.all(all.map(({ circuit }) => circuit.admit()))
      assert.equal(permits.filter((permit) => permit === 'circuit_open').length, 3)
      const again = await Promise.all(all.map(({ circuit }) => circuit.admit()))
      assert.deepEqual(new Set(again), new Set(['circuit_open']))
    })

    it('waits as long as the process whose probe has failed, and longer each time', async () => {
      const all = await halfOpen(3)
      const prober = all[1] as Process
      assert.equal(await prober.call('failure'), true)
      await until(() => row().inRow === 2)
      await heard()
      for (const { circuit } of all) {
        assert.equal(circuit.state, 'open')
        assert.ok(Math.abs(circuit.opening.until - prober.circuit.opening.until) < 50)
        assert.equal(circuit.opening.inRow, 2)
      }
    })

    it('closes the circuits of the others by one call of their own each', async () => {
      const [prober, ...others] = (await halfOpen(3)) as [Process, ...Process[]]
      assert.equal(await prober.call('success'), true)
      await until(() => row().state === 'closed')
      await heard()
      for (const other of others) {
        assert.equal(other.circuit.state, 'half-open')
        const permit = other.circuit.admit()
        assert.ok(typeof permit === 'object' && !(permit instanceof Promise))
        assert.equal(other.circuit.enter(), 'circuit_open')
        other.circuit.leave()
        other.circuit.report(permit, 'success')
        await until(() => other.circuit.state === 'closed')
      }
      assert.deepEqual([actions('lease'), actions('tell')], [1, 2])
    })

    it('opens a circuit again whose own call fails after the others are well, and tells nobody', async () => {
      const [prober, other] = (await halfOpen(2)) as [Process, Process]
      await prober.call('success')
      await until(() => row().state === 'closed')
      await heard()
      await other.call('failure')
      assert.equal(other.circuit.state, 'open')
      await heard()
      assert.equal(actions('tell'), 2)
      assert.equal(prober.circuit.state, 'closed')
    })

    it('lets a probe that is under way decide, whatever it hears meanwhile', async () => {
      const [one] = (await halfOpen(1)) as [Process]
      const permit = await one.permit()
      store.publish(forged())
      await heard()
      one.circuit.leave()
      one.circuit.report(permit, 'success')
      await until(() => one.circuit.state === 'closed')
    })

    it('gives the lease to others when a probe has decided nothing', async () => {
      const [one, other] = (await halfOpen(2)) as [Process, Process]
      assert.equal(await one.call('neutral'), true)
      await until(() => actions('free') === 1)
      assert.equal(await other.call('success'), true)
    })

    it('gives the lease to others when a member stops', async () => {
      const [one, other] = (await halfOpen(2)) as [Process, Process]
      await one.permit()
      one.stop()
      await until(() => actions('free') === 1)
      assert.equal(await other.call('success'), true)
    })

    it('gives back a lease that comes after the circuit has closed', async () => {
      const [one] = (await halfOpen(1)) as [Process]
      store.pause()
      one.circuit.report(await one.permit(), 'success')
      await until(() => one.circuit.state === 'closed')
      store.resume()
      await until(() => actions('free') === 1)
      assert.equal(store.data.leases.size, 0)
    })

    it('renews no lease that comes after a member has stopped', async () => {
      const [one] = (await halfOpen(1)) as [Process]
      store.pause()
      const asked = one.circuit.admit()
      one.stop()
      store.resume()
      await asked
      await until(() => actions('free') === 1)
    })

    it('asks for the lease of another twice a second at most, whatever it says', async () => {
      const [one] = (await halfOpen(1)) as [Process]
      const lease = 'good-gateway:1:{test}:lease:orders'
      store.data.leases.set(lease, { holder: 'x', until: Date.now() + 1e9 })
      assert.equal(await one.circuit.admit(), 'circuit_open')
      for (let at = 0; at < 100; at++) await one.call('success')
      assert.equal(actions('lease'), 1)
      store.data.leases.clear()
      const before = performance.now()
      while (!(await one.call('success'))) await heard()
      assert.ok(performance.now() - before < 2000)
    })

    it('waits for the store for leaseTimeout at most, and probes alone then', async () => {
      const [one] = (await halfOpen(1)) as [Process]
      store.pause()
      const before = performance.now()
      const permit = await one.permit()
      const waited = performance.now() - before
      assert.ok(waited > 90 && waited < 250, `${waited} ms`)
      assert.equal(permit.probe, true)
      await until(() => one.member.state === 'away')
    })

    it('lets the others go first after a probe of its own has failed', async () => {
      const [one, other] = (await halfOpen(2, 500)) as [Process, Process]
      await one.call('failure')
      await until(() => row().inRow === 2)
      await until(() => one.circuit.state === 'half-open' && other.circuit.state === 'half-open')
      assert.equal(await one.circuit.admit(), 'circuit_open')
      assert.equal(await other.call('success'), true)
    })
  })

  describe('whose circuits an operator opens and closes', () => {
    it('opens and closes all at once', async () => {
      const [one, other] = (await fleet(2)) as [Process, Process]
      one.open()
      await until(() => other.circuit.isHeld)
      assert.equal(await other.call('success'), false)
      other.close()
      await until(() => one.circuit.state === 'closed')
      assert.equal(await one.call('success'), true)
    })

    it('keeps them open whatever a probe or an opening says', async () => {
      const [one, other] = (await fleet(2)) as [Process, Process]
      one.open()
      await until(() => other.circuit.isHeld)
      store.publish(forged({ state: 'closed' }))
      store.publish(forged({ gen: Date.now() + 2000 }))
      await until(() => actions('sync') > 1)
      assert.deepEqual([one.circuit.isHeld, other.circuit.isHeld], [true, true])
    })

    it('opens them here only with control: "local"', async () => {
      const local = await started({ control: 'local' }).joined()
      const [one, other] = (await fleet(2)) as [Process, Process]
      local.open()
      one.open()
      await until(() => other.circuit.isHeld)
      one.close()
      await until(() => !other.circuit.isHeld)
      assert.equal(local.circuit.isHeld, true)
      local.close()
      await heard()
      assert.equal(actions('tell'), 2)
    })

    it('tells a process that was away, also that it has ended since', async () => {
      const [one, other] = (await fleet(2, { resync: 100 })) as [Process, Process]
      one.open()
      await until(() => other.circuit.isHeld)
      store.refuse(new Error('connect ECONNREFUSED'))
      await until(() => [one, other].every(({ member }) => member.state === 'away'))
      one.close()
      assert.equal(other.circuit.isHeld, true)
      store.accept()
      await until(() => other.circuit.state === 'closed')
    })

    it('holds what was opened by hand while the process was away, also where its row was put away', async () => {
      const wire = new Wire(store)
      const away = new Process(wire, { resync: 100 }, { resetTimeout: 60_000 })
      processes.push(await away.joined())
      await away.failOpen()
      await until(() => row().state === 'open')
      wire.cut()
      await until(() => away.member.state === 'away')
      away.open()
      store.data.rows.delete('orders')
      wire.mend()
      await until(() => row().state === 'held')
      assert.equal(away.circuit.isHeld, true)
    })

    it('closes what an operator has closed after the store has lost its data', async () => {
      const [one] = (await fleet(1, { resync: 100 })) as [Process]
      const wire = new Wire(store)
      const away = new Process(wire, { resync: 100 })
      processes.push(await away.joined())
      one.open()
      await until(() => away.circuit.isHeld)
      wire.cut()
      await until(() => away.member.state === 'away')
      store.data.rows.clear()
      await until(() => row().state === 'held')
      one.close()
      await until(() => row().state === 'closed')
      wire.mend()
      await until(() => away.circuit.state === 'closed')
      assert.equal(row().state, 'closed')
    })

    it('holds them when the store has lost its data, with one row that says so', async () => {
      const all = await fleet(3, { resync: 100 })
      all[0]?.open()
      await until(() => all.every(({ circuit }) => circuit.isHeld))
      store.data.rows = new Map()
      await until(() => row().state === 'held')
      assert.ok(all.every(({ circuit }) => circuit.isHeld))
    })

    it('holds them when the clock of the store was set back by an hour', async () => {
      const all = (await fleet(2, { resync: 100 })) as [Process, Process]
      all[0].open()
      await until(() => all.every(({ circuit }) => circuit.isHeld))
      store.data.rows.set('orders', JSON.stringify({ ...row(), gen: Date.now() + 3_600_000 }))
      const before = actions('sync')
      await until(() => actions('sync') >= before + 4)
      assert.ok(all.every(({ circuit }) => circuit.isHeld))
      all[0].close()
      await until(() => all.every(({ circuit }) => circuit.state === 'closed'))
    })

    it('does not hold again what has been closed while a process was away for long', async () => {
      const [one] = (await fleet(1)) as [Process]
      const wire = new Wire(store)
      const away = new Process(wire, { resync: 100 })
      processes.push(await away.joined())
      one.open()
      await until(() => away.circuit.isHeld)
      wire.cut()
      await until(() => away.member.state === 'away')
      one.close()
      await until(() => row().state === 'closed')
      store.data.rows.delete('orders')
      wire.mend()
      await until(() => away.circuit.state === 'closed')
      assert.equal(actions('tell'), 2)
    })
  })

  describe('whose store fails', () => {
    it('decides alone, warns once, and is back by itself', async () => {
      const warnings: string[] = []
      const onWarning = ({ message }: Error): unknown => warnings.push(message)
      process.on('warning', onWarning)
      const all = (await fleet(2, { resync: 100 })) as [Process, Process]
      store.refuse(new Error('connect ECONNREFUSED'))
      await until(() => all.every(({ member }) => member.state === 'away'))
      assert.equal(await all[0].failOpen(), 3)
      await until(() => all[0].circuit.state === 'half-open')
      assert.equal(await all[0].call('failure'), true)
      store.accept()
      await until(() => all.every(({ member }) => member.state === 'joined'))
      await until(() => row().state === 'open')
      await heard()
      assert.equal(await all[1].failOpen(), 1)
      process.off('warning', onWarning)
      assert.deepEqual(
        warnings,
        Array.from(
          all,
          () =>
            'good-gateway: the fleet "test" is away, and this process decides alone: connect ECONNREFUSED',
        ),
      )
    })

    it('opens nobody by an opening that was late', async () => {
      const [one, other] = (await fleet(2, { resync: 200 })) as [Process, Process]
      store.pause()
      await one.failOpen()
      await until(() => one.member.state === 'away')
      await until(() => one.circuit.state === 'half-open')
      await one.call('success')
      await until(() => one.circuit.state === 'closed')
      store.resume()
      await until(() => one.member.state === 'joined')
      await until(() => actions('tell') > 0)
      assert.equal(store.data.rows.has('orders'), false)
      assert.equal(await other.call('failure'), true)
      assert.equal(other.circuit.state, 'closed')
    })

    it('says that it has closed where the reply to its opening was lost', async () => {
      const [one] = (await fleet(1, { resync: 200 })) as [Process]
      store.loseReplies = true
      await one.failOpen()
      await until(() => row().state === 'open')
      await until(() => one.member.state === 'away')
      await until(() => one.circuit.state === 'half-open')
      await one.call('success')
      store.loseReplies = false
      await until(() => row().state === 'closed')
      assert.equal(one.circuit.state, 'closed')
    })

    it('tells anew what is open when the data are lost', async () => {
      const [one] = (await fleet(1, { resync: 100 }, { resetTimeout: 60_000 })) as [Process]
      await one.failOpen()
      await until(() => row().state === 'open')
      store.data.rows = new Map()
      await until(() => row().state === 'open')
      assert.equal(one.circuit.state, 'open')
    })

    it('reads what it has missed when the connection was lost', async () => {
      const [one, other] = (await fleet(2, {}, { resetTimeout: 60_000 })) as [Process, Process]
      await one.failOpen()
      await until(() => row().state === 'open')
      await heard()
      assert.equal(await other.call('success'), true)
      const { gen } = row()
      store.data.rows.set('orders', forged({ gen: Number(gen) + 1 }))
      store.cut()
      await until(() => actions('sync') >= 2)
      await heard()
      assert.equal(await other.failOpen(), 1)
    })

    it('stops a store whose listen gives a function', async () => {
      let stopped = 0
      const one = new Process({
        run: (...asked) => store.run(...asked),
        listen: () => Promise.resolve(() => stopped++),
      })
      await one.joined()
      one.stop()
      assert.equal(stopped, 1)
    })

    it('listens anew where the connection is lost before it has begun', async () => {
      let begun = 0
      const stopped: number[] = []
      const one = new Process({
        run: (...asked) => store.run(...asked),
        listen: (_channel, _onMessage, onGap) => {
          const which = ++begun
          if (which === 1) onGap()
          return Promise.resolve(() => stopped.push(which))
        },
      })
      await one.joined()
      assert.deepEqual([begun, stopped], [2, [1]])
      one.stop()
      assert.deepEqual(stopped, [1, 2])
    })

    for (const reply of [
      'OK',
      [],
      ['ok', 'now'],
      ['ok', '1'],
      ['fine', '1', '1'],
      [null, {}],
      { ok: 1 },
    ])
      it(`is away where the store answers ${JSON.stringify(reply)}`, async () => {
        const warned = once(process, 'warning') as Promise<[Error]>
        const one = new Process({
          run: () => Promise.resolve(reply),
          listen: (...asked) => store.listen(...asked),
        })
        assert.match((await warned)[0].message, /reply of the store is none of the script$/)
        assert.equal(one.member.state, 'away')
        one.stop()
      })

    it('names the right that is missing', async () => {
      const warned = once(process, 'warning') as Promise<[Error]>
      store.refuse(new Error("NOPERM this user has no permissions to run the 'eval' command"))
      started()
      const [{ message }] = await warned
      assert.match(message, /lacks a right; grant \+eval$/)
    })
  })

  describe('in whose channel anybody writes', () => {
    it('ignores what it cannot read', async () => {
      const [one] = (await fleet(1)) as [Process]
      const circles = '['.repeat(900)
      for (const garbage of ['', '{', 'null', '[]', '"open"', circles, 'x'.repeat(1_000_000)])
        store.publish(garbage)
      for (const change of [
        { v: 2 },
        { gen: '1' },
        { gen: Date.now() + 1e9 },
        { gen: 1.5 },
        { state: 'ajar' },
        { ends: null },
        { wait: 'x' },
        { id: 7 },
        { id: 'x'.repeat(500) },
        { padding: 'x'.repeat(1_000_000) },
      ])
        store.publish(forged(change))
      await heard()
      assert.equal(await one.call('failure'), true)
      assert.equal(one.circuit.state, 'closed')
    })

    it('opens nobody by a forged opening whose calls succeed', async () => {
      const [one] = (await fleet(1)) as [Process]
      for (let at = 0; at < 50; at++) {
        store.publish(forged({ gen: Date.now() + at }))
        await heard()
        assert.equal(await one.call('success'), true)
      }
      assert.equal(one.circuit.state, 'closed')
    })

    it('holds nothing by a forged message of an operator', async () => {
      const [one] = (await fleet(1)) as [Process]
      store.publish(forged({ state: 'held', hand: true }))
      await until(() => actions('sync') === 1)
      await heard()
      assert.equal(one.circuit.isHeld, false)
      assert.equal(await one.call('success'), true)
    })

    it('forgets a forged wait at the next resync', async () => {
      const [one, other] = (await fleet(2, { resync: 200 }, { resetTimeout: 20_000 })) as [
        Process,
        Process,
      ]
      await one.failOpen()
      await until(() => row().state === 'open')
      await heard()
      await other.failOpen()
      store.publish(forged({ gen: Date.now() + 5000 }))
      await until(() => other.circuit.retryAfter > 20 && one.circuit.retryAfter > 20)
      await until(() => other.circuit.retryAfter <= 20 && one.circuit.retryAfter <= 20)
    })

    it('takes no wait for longer than five minutes', async () => {
      const [one] = (await fleet(1)) as [Process]
      store.publish(forged({ ends: 1e15, wait: 1e15, inRow: 1e9 }))
      await heard()
      await one.failOpen()
      assert.ok(one.circuit.opening.until - performance.now() <= 300_000)
      assert.equal(one.circuit.retryAfter, 300)
    })

    it('asks the store ten times a second at most', async () => {
      const [one] = (await fleet(1)) as [Process]
      const before = performance.now()
      while (performance.now() - before < 300) {
        store.publish(forged({ state: 'held' }))
        await heard()
      }
      assert.ok(actions('sync') <= 4, `${actions('sync')}`)
      assert.equal(one.circuit.isHeld, false)
    })
  })

  it('leaves no listener and no timer behind', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    // mocha's own timer runs from the first turn on.
    await heard()
    const before = timers()
    const all = await fleet(2)
    await all[0]?.failOpen()
    await until(() => all[0]?.circuit.state === 'half-open')
    await all[0]?.permit()
    for (const one of all) one.stop()
    await until(() => store.listeners === 0 && timers() <= before)
  })
})
