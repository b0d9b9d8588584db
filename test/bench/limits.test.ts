import assert from 'node:assert/strict'
import type { Cost } from './gateway.js'
import { type Limited, limitedOf, limitsTable } from './limits.js'

const cost = (cpu: number, user = cpu, collecting = 1, marks = 0): Cost => ({
  cpu,
  user,
  collecting,
  rss: 0,
  scavenges: 0,
  marks,
  promoted: 0,
})

const series = [
  { gateway: 'bare', rounds: [cost(100, 40, 4), cost(200, 60, 6)] },
  { gateway: 'guard', rounds: [cost(150, 45, 9, 1), cost(260, 55, 6, 2)] },
  { gateway: 'fastify', rounds: [cost(50), cost(100)] },
  { gateway: 'broken', rounds: [], error: new Error('no') },
]

describe('the limits of the benchmark', () => {
  const one = (limited: Limited[]) => {
    assert.equal(limited.length, 1)
    const [{ what = '', measured = NaN, ofMinima } = {}] = limited
    return [what, measured.toFixed(2), ofMinima?.toFixed(2)]
  }

  it('are for a gateway against the reference, or against another one', () => {
    assert.deepEqual(one(limitedOf('GET', [{ gateway: 'guard', atMost: 1 }], series, 1)), [
      'GET: guard to bare',
      '1.40',
      '1.50',
    ])
    const toFastify = { gateway: 'guard', against: 'fastify', atMost: 1 }
    assert.deepEqual(one(limitedOf('GET', [toFastify], series, 1)), [
      'GET: guard to fastify',
      '2.80',
      '3.00',
    ])
  })

  it('are for all rounds together where single ones say nothing', () => {
    const user = { gateway: 'guard', of: 'user', atMost: 1 } as const
    assert.deepEqual(one(limitedOf('GET', [user], series, 1)), [
      'GET: guard to bare, user time',
      '1.00',
      undefined,
    ])
    const collecting = { gateway: 'guard', of: 'collecting', atMost: 1 } as const
    assert.deepEqual(one(limitedOf('GET', [collecting], series, 1)), [
      'GET: guard to bare, garbage collection',
      '1.50',
      undefined,
    ])
  })

  it('are for the full marks that the other one does not have', () => {
    const marks = { gateway: 'guard', of: 'marks', atMost: 0 } as const
    const [, other] = series
    assert.deepEqual(
      one(
        limitedOf(
          'GET',
          [marks],
          [{ gateway: 'bare', rounds: [cost(1)] }, other ?? assert.fail()],
          1,
        ),
      ),
      ['GET: guard to bare, full marks more', '3.00', undefined],
    )
  })

  it('are for what each event costs more', () => {
    const events = { gateway: 'guard', of: 'event', events: 5, atMost: 5 } as const
    assert.deepEqual(one(limitedOf('Events', [events], series, 2)), [
      'Events: guard to bare, more for each event',
      '5.50',
      '5.00',
    ])
  })

  it('say nothing of a gateway that does not work', () => {
    assert.deepEqual(limitedOf('GET', [{ gateway: 'broken', atMost: 1 }], series, 1), [])
  })

  it('are kept up to themselves', () => {
    const table = limitsTable([
      { what: 'a', measured: 1.3, atMost: 1.3 },
      { what: 'b', measured: 1.31, atMost: 1.3 },
      { what: 'c', measured: 0.4, atLeast: 0.33 },
      { what: 'd', measured: 0.3, atLeast: 0.33 },
      { what: 'e', measured: NaN, atMost: 1 },
    ])
    assert.deepEqual(
      table.split('\n').map((line) => /\| +(\w+) \|$/.exec(line)?.[1]),
      ['kept', undefined, 'yes', 'no', 'yes', 'no', 'no'],
    )
  })
})
