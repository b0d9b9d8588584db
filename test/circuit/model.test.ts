import assert from 'node:assert/strict'
import FakeTimers from '@sinonjs/fake-timers'
import {
  assert as check,
  array,
  asyncProperty,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  record,
} from 'fast-check'
import { Circuit, type Permit } from '../../src/circuit/circuit.js'
import { Model, type Ticket } from './model.js'
import { settingsOf } from './settings.js'

const RUNS = 10_000

const options = record({
  errorThresholdPercentage: constantFrom(1, 34, 50, 75, 100),
  volumeThreshold: integer({ min: 1, max: 6 }),
  consecutiveFailures: constantFrom(false as const, 1, 2, 4),
  rollingCountTimeout: constantFrom(100, 1000, 10_000),
  resetTimeout: constantFrom(50, 1000, 200_000),
  capacity: constantFrom(1, 3, Infinity),
})

/** Outcomes come in any order of the calls, so some of them come late. */
const step = oneof(
  { weight: 4, arbitrary: constant({ do: 'enter' as const }) },
  {
    weight: 6,
    arbitrary: record({
      do: constant('report' as const),
      which: nat(7),
      verdict: constantFrom('success' as const, 'failure' as const, 'neutral' as const),
      wait: constantFrom(undefined, undefined, undefined, 0, 7000, 1e9),
    }),
  },
  {
    weight: 3,
    arbitrary: record({
      do: constant('tick' as const),
      by: constantFrom(1, 10, 99, 100, 1000, 10_000, 30_000, 300_000),
    }),
  },
  { weight: 1, arbitrary: constantFrom({ do: 'open' as const }, { do: 'close' as const }) },
)

describe('a circuit, against a reference model', () => {
  it(`behaves the same in ${RUNS} random histories`, async function () {
    this.timeout(180_000)
    const { random } = Math
    const clock = FakeTimers.install({
      toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    })
    const seen = { open: 0, probe: 0, late: 0, full: 0, closed: 0 }
    try {
      await check(
        asyncProperty(
          options,
          // Thousandths: no wait comes near a half millisecond, where two sums may round apart.
          integer({ min: 0, max: 999 }),
          array(step, { minLength: 10, maxLength: 100, size: 'max' }),
          async (given, thousandths, steps) => {
            const jitter = thousandths / 1000
            Math.random = () => jitter
            const settings = settingsOf(given)
            const circuit = new Circuit(settings)
            const model = new Model(settings, jitter, clock.now)
            const calls: [Permit, Ticket][] = []
            for (const each of steps) {
              if (each.do === 'tick') clock.tick(each.by)
              else if (each.do === 'open') {
                circuit.forceOpen()
                model.forceOpen(clock.now)
              } else if (each.do === 'close') {
                circuit.close()
                model.close(clock.now)
              } else if (each.do === 'enter') {
                const permit = circuit.enter()
                const ticket = model.enter(clock.now)
                assert.equal(
                  typeof permit === 'string' ? permit : 'in',
                  typeof ticket === 'string' ? ticket : 'in',
                )
                if (ticket === 'concurrency_limit') seen.full++
                if (typeof permit === 'object' && typeof ticket === 'object') {
                  assert.equal(permit.probe, ticket.probe)
                  seen.probe += Number(permit.probe)
                  calls.push([permit, ticket])
                }
              } else {
                const [call] = calls.splice(each.which % Math.max(calls.length, 1), 1)
                if (call) {
                  circuit.leave()
                  circuit.report(call[0], each.verdict, each.wait)
                  seen.late += Number(model.report(call[1], each.verdict, each.wait, clock.now))
                  // opossum closes a circuit one turn after a success.
                  await Promise.resolve()
                }
              }
              assert.equal(circuit.state, model.stateAt(clock.now))
              assert.equal(circuit.retryAfter, model.retryAfter(clock.now))
              seen.open += Number(circuit.state === 'open')
              seen.closed += Number(circuit.state === 'closed')
            }
            circuit.breaker.shutdown()
            assert.equal(clock.countTimers(), 0)
          },
        ),
        { numRuns: RUNS },
      )
    } finally {
      clock.uninstall()
      Math.random = random
    }
    // A model that is never brought into a state proves nothing about it.
    for (const [what, times] of Object.entries(seen))
      assert.ok(times > RUNS / 10, `${what}: ${times}`)
  })
})
