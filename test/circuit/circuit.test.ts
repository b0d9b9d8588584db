import assert from 'node:assert/strict'
import { once } from 'node:events'
import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { Circuit, type Permit } from '../../src/circuit/circuit.js'
import { recordEvents } from '../support/events.js'
import { settingsOf } from './settings.js'

/** Middle of the jitter: waits are what they are without it. */
const NO_JITTER = 0.5

describe('a circuit', () => {
  let clock: Clock
  let random: () => number
  const { random: realRandom } = Math

  beforeEach(() => {
    clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    random = () => NO_JITTER
    Math.random = () => random()
  })

  afterEach(() => {
    clock.uninstall()
    Math.random = realRandom
  })

  function enter(circuit: Circuit): Permit {
    const permit = circuit.enter()
    assert.ok(typeof permit === 'object', `refused: ${String(permit)}`)
    return permit
  }

  function report(circuit: Circuit, verdict: 'success' | 'failure' | 'neutral', wait?: number) {
    const permit = enter(circuit)
    circuit.leave()
    circuit.report(permit, verdict, wait)
    // opossum closes a circuit one turn after a success.
    return Promise.resolve()
  }

  async function fail(circuit: Circuit, times: number) {
    for (let time = 0; time < times; time++) await report(circuit, 'failure')
  }

  const opening = { volumeThreshold: 2, resetTimeout: 1000, rollingCountTimeout: 1000 }

  it('opens above the percentage, and not when it is reached exactly', async () => {
    const circuit = new Circuit(settingsOf({ volumeThreshold: 4 }))
    for (const verdict of ['success', 'success', 'failure', 'failure'] as const)
      await report(circuit, verdict)
    assert.equal(circuit.state, 'closed')
    await report(circuit, 'failure')
    assert.equal(circuit.state, 'open')
  })

  it('opens at 100 % when every call fails', async () => {
    const circuit = new Circuit(settingsOf({ ...opening, errorThresholdPercentage: 100 }))
    await fail(circuit, 2)
    assert.equal(circuit.state, 'open')
  })

  it('tells each change of its state, and why', async () => {
    const recorded = recordEvents()
    const circuit = new Circuit(settingsOf(opening), 'a key')
    await fail(circuit, 2)
    clock.tick(1000)
    await fail(circuit, 1)
    clock.tick(60_000)
    await report(circuit, 'success')
    circuit.forceOpen()
    circuit.forceOpen()
    circuit.close()
    circuit.close()
    recorded.stop()
    const told = recorded.of('circuit')
    assert.deepEqual(
      told.map(({ from, to, reason }) => `${from} ${to} ${reason}`),
      [
        'closed open failures',
        'open half_open wait_over',
        'half_open open probe_failed',
        'open half_open wait_over',
        'half_open closed probe_succeeded',
        'closed held by_hand',
        'held closed by_hand',
      ],
    )
    assert.deepEqual([told[0]?.name, told[0]?.key], ['orders', 'a key'])
  })

  it('does not open below the minimum volume', async () => {
    const circuit = new Circuit(settingsOf({ volumeThreshold: 5 }))
    await fail(circuit, 4)
    assert.equal(circuit.state, 'closed')
    await fail(circuit, 1)
    assert.equal(circuit.state, 'open')
  })

  it('refuses a call in the same turn of the event loop as the failure that opens it', () => {
    const circuit = new Circuit(settingsOf({ volumeThreshold: 1 }))
    circuit.report(enter(circuit), 'failure')
    assert.equal(circuit.enter(), 'circuit_open')
  })

  it('forgets failures that have left the window', async () => {
    const circuit = new Circuit(settingsOf({ volumeThreshold: 4, rollingCountTimeout: 1000 }))
    await fail(circuit, 3)
    clock.tick(1001)
    await fail(circuit, 3)
    assert.equal(circuit.state, 'closed')
  })

  it('opens after failures in a row, whatever the percentage', async () => {
    const circuit = new Circuit(settingsOf({ volumeThreshold: 1000, consecutiveFailures: 3 }))
    await fail(circuit, 2)
    await report(circuit, 'success')
    await report(circuit, 'failure')
    await report(circuit, 'neutral')
    await report(circuit, 'failure')
    assert.equal(circuit.state, 'closed')
    await report(circuit, 'failure')
    assert.equal(circuit.state, 'open')
  })

  it('warns of a listener that throws when failures in a row open it, and goes on', async () => {
    const circuit = new Circuit(settingsOf({ volumeThreshold: 1000, consecutiveFailures: 2 }))
    circuit.breaker.on('open', () => {
      throw new Error('no pager')
    })
    const warned = once(process, 'warning') as Promise<[Error]>
    await fail(circuit, 2)
    const [{ message }] = await warned
    assert.equal(message, 'good-gateway: a listener of the circuit threw: Error: no pager')
    assert.equal(circuit.state, 'open')
  })

  it('changes no count after a neutral outcome', async () => {
    const circuit = new Circuit(settingsOf())
    await report(circuit, 'neutral')
    assert.equal(circuit.breaker.stats.fires, 0)
  })

  it('waits twice as long each time in a row, at most 5 minutes', async () => {
    const circuit = new Circuit(settingsOf({ ...opening, resetTimeout: 60_000 }))
    await fail(circuit, 2)
    const waits: number[] = []
    for (let round = 0; round < 5; round++) {
      waits.push(circuit.retryAfter)
      clock.tick(circuit.retryAfter * 1000 - 1)
      assert.equal(circuit.state, 'open')
      clock.tick(1)
      assert.equal(circuit.state, 'half-open')
      await fail(circuit, 1)
    }
    assert.deepEqual(waits, [60, 120, 240, 300, 300])
  })

  for (const [at, seconds] of [
    [0, 16],
    [0.999_999, 24],
  ] as const) {
    it(`spreads a repeated wait of 20 s to ${seconds} s at the edge of its jitter`, async () => {
      random = () => at
      const circuit = new Circuit(settingsOf({ ...opening, resetTimeout: 10_000 }))
      await fail(circuit, 2)
      assert.equal(circuit.retryAfter, 10)
      clock.tick(10_000)
      await fail(circuit, 1)
      assert.equal(circuit.retryAfter, seconds)
    })
  }

  it('never waits longer than 5 minutes, jitter included', async () => {
    random = () => 0.999_999
    const circuit = new Circuit(settingsOf({ ...opening, resetTimeout: 290_000 }))
    await fail(circuit, 2)
    clock.tick(290_000)
    await fail(circuit, 1)
    clock.tick(300_000)
    assert.equal(circuit.state, 'half-open')
  })

  for (const [calm, wait] of [
    [999, 2],
    [1000, 1],
  ] as const) {
    it(`waits ${wait} s when it opens ${calm} ms after it has closed, with a window of 1 s`, async () => {
      const circuit = new Circuit(settingsOf(opening))
      await fail(circuit, 2)
      clock.tick(1000)
      await report(circuit, 'success')
      assert.equal(circuit.state, 'closed')
      clock.tick(calm)
      await fail(circuit, 2)
      assert.equal(circuit.retryAfter, wait)
    })
  }

  for (const [asked, wait] of [
    [1, 1],
    [0, 1],
    [7000, 7],
    [3_600_000, 300],
  ] as const) {
    it(`waits ${wait} s when the upstream asks for ${asked} ms`, async () => {
      const circuit = new Circuit(settingsOf({ ...opening, volumeThreshold: 1 }))
      await report(circuit, 'failure', asked)
      assert.equal(circuit.retryAfter, wait)
      clock.tick(wait * 1000 - 1)
      assert.equal(circuit.state, 'open')
      clock.tick(1)
      assert.equal(circuit.state, 'half-open')
    })
  }

  it('uses the wait of the failure that opens it, not that of another failure in the same turn', () => {
    const circuit = new Circuit(settingsOf({ ...opening, resetTimeout: 60_000 }))
    const [first, second, third] = [enter(circuit), enter(circuit), enter(circuit)]
    circuit.report(first, 'failure')
    circuit.report(second, 'failure', 7000)
    circuit.report(third, 'failure')
    assert.equal(circuit.retryAfter, 7)
  })

  async function halfOpen(): Promise<Circuit> {
    const circuit = new Circuit(settingsOf({ ...opening, capacity: 2 }))
    await fail(circuit, 2)
    clock.tick(1000)
    return circuit
  }

  it('lets one probe in and refuses the rest, with a second to wait', async () => {
    const circuit = await halfOpen()
    assert.equal(enter(circuit).probe, true)
    assert.equal(circuit.enter(), 'circuit_open')
    assert.equal(circuit.retryAfter, 1)
  })

  it('lets another probe through after one with a neutral outcome', async () => {
    const circuit = await halfOpen()
    circuit.report(enter(circuit), 'neutral')
    assert.equal(circuit.state, 'half-open')
    assert.equal(enter(circuit).probe, true)
  })

  it('lets another probe through after one that hangs, and ignores the first one from then on', async () => {
    const circuit = await halfOpen()
    const hanging = enter(circuit)
    clock.tick(29_999)
    assert.equal(circuit.enter(), 'circuit_open')
    clock.tick(1)
    const probe = enter(circuit)
    circuit.report(hanging, 'failure')
    assert.equal(circuit.state, 'half-open')
    circuit.report(probe, 'success')
    await Promise.resolve()
    assert.equal(circuit.state, 'closed')
  })

  it('lets another probe through beside one that has made room, and hears the one that ends first', async () => {
    for (const first of [0, 1]) {
      const circuit = await halfOpen()
      const slow = enter(circuit)
      circuit.makeRoom(slow)
      const probe = enter(circuit)
      assert.equal(circuit.enter(), 'circuit_open')
      circuit.report([slow, probe][first] as Permit, 'success')
      await Promise.resolve()
      assert.equal(circuit.state, 'closed')
    }
  })

  for (const allowed of [{ timeout: 120_000 }, { totalTimeout: 120_000 }]) {
    it(`gives a probe the two minutes of ${Object.keys(allowed).join()}`, async () => {
      const circuit = new Circuit(settingsOf({ ...opening, ...allowed }))
      await fail(circuit, 2)
      clock.tick(1000)
      enter(circuit)
      clock.tick(119_999)
      assert.equal(circuit.enter(), 'circuit_open')
      clock.tick(1)
      assert.equal(enter(circuit).probe, true)
    })
  }

  it('ignores the outcome of a call from before it opened, while half-open and when closed again', async () => {
    const circuit = new Circuit(settingsOf(opening))
    const late = [enter(circuit), enter(circuit), enter(circuit)]
    await fail(circuit, 2)
    circuit.report(late[0] as Permit, 'success')
    assert.equal(circuit.state, 'open')
    clock.tick(1000)
    circuit.report(late[1] as Permit, 'success')
    await Promise.resolve()
    assert.equal(circuit.state, 'half-open')
    await report(circuit, 'success')
    circuit.report(late[2] as Permit, 'failure')
    assert.equal(circuit.breaker.stats.failures, 0)
  })

  it('refuses with circuit_open, not with concurrency_limit, when it is both open and full', async () => {
    const circuit = new Circuit(settingsOf({ ...opening, capacity: 2 }))
    const permits = [enter(circuit), enter(circuit)]
    for (const permit of permits) circuit.report(permit, 'failure')
    assert.equal(circuit.enter(), 'circuit_open')
  })

  it('is full at its capacity, and lets no probe through then', async () => {
    const circuit = new Circuit(settingsOf({ ...opening, capacity: 2 }))
    const permits = [enter(circuit), enter(circuit)]
    assert.equal(circuit.enter(), 'concurrency_limit')
    for (const permit of permits) circuit.report(permit, 'failure')
    clock.tick(1000)
    assert.equal(circuit.enter(), 'concurrency_limit')
    circuit.leave()
    assert.equal(enter(circuit).probe, true)
    assert.equal(circuit.breaker.stats.fires, 2)
  })

  it('empties the window when it is closed by hand, also when it was closed', async () => {
    const circuit = new Circuit(settingsOf(opening))
    await fail(circuit, 1)
    circuit.close()
    await fail(circuit, 1)
    assert.equal(circuit.state, 'closed')
  })

  it('stays open when opened by hand, tells clients to wait at most 5 minutes, and opens no longer than usual later', async () => {
    const circuit = new Circuit(settingsOf(opening))
    circuit.forceOpen()
    clock.tick(24 * 3_600_000)
    assert.equal(circuit.state, 'open')
    assert.equal(circuit.retryAfter, 300)
    circuit.close()
    await fail(circuit, 2)
    assert.equal(circuit.retryAfter, 1)
  })

  it('stays open when opened by hand while open, and emits no event', async () => {
    const circuit = new Circuit(settingsOf(opening))
    await fail(circuit, 2)
    const told: string[] = []
    for (const event of ['open', 'close'] as const)
      circuit.breaker.on(event, () => told.push(event))
    circuit.forceOpen()
    clock.tick(1000)
    assert.equal(circuit.state, 'open')
    assert.equal(circuit.enter(), 'circuit_open')
    assert.equal(circuit.retryAfter, 300)
    assert.deepEqual(told, [])
    circuit.close()
    assert.equal(circuit.state, 'closed')
    assert.deepEqual(told, ['close'])
  })

  it('leaves no timer behind when it is shut down', async () => {
    const circuit = new Circuit(settingsOf(opening))
    await fail(circuit, 2)
    assert.equal(clock.countTimers(), 1)
    circuit.breaker.shutdown()
    assert.equal(clock.countTimers(), 0)
  })
})
