import assert from 'node:assert/strict'
import { comparisonTable } from './comparison.js'
import type { Cost } from './gateway.js'
import { namesOf, rowsOf, tableOf } from './report.js'

const cost = (cpu: number, user: number): Cost => ({
  cpu,
  user,
  rss: 1_000_000,
  collecting: 10,
  scavenges: 1,
  marks: 1,
  promoted: 20,
})

describe('the tables of the benchmark', () => {
  it('compare each round with that of the reference, which stands last once more as the control', () => {
    const rows = rowsOf(
      [
        { gateway: 'bare', rounds: [cost(100, 50), cost(200, 100)] },
        { gateway: 'guard', rounds: [cost(150, 60), cost(400, 140)] },
        { gateway: 'bare', rounds: [cost(100, 50), cost(200, 100)] },
      ],
      10,
    )
    assert.deepEqual(
      rows.map(({ gateway, ratio, userRatio, ofMinima, cpu, user }) => [
        gateway,
        ...[ratio, userRatio, ofMinima, cpu, user].map((value) => value.toFixed(2)),
      ]),
      [
        ['bare', '1.00', '1.00', '1.00', '15.00', '7.50'],
        ['guard', '1.75', '1.33', '1.50', '27.50', '10.00'],
        ['bare again', '1.00', '1.00', '1.00', '15.00', '7.50'],
      ],
    )
    assert.match(
      tableOf(rows),
      /^\| gateway +\| ratio \|.*\n\| -+ \| -+: \|.*\n\| bare +\| {2}1.00 \|/,
    )
  })

  it('leave out a gateway that does not work', () => {
    const series = [
      { gateway: 'bare', rounds: [cost(100, 50)] },
      { gateway: 'guard', rounds: [], error: new Error('no') },
    ]
    assert.deepEqual(namesOf(rowsOf(series, 1)), ['bare'])
  })

  it('show times in the unit that fits', () => {
    const table = comparisonTable([
      { what: 'a', against: 'b', measured: [3000, 3000], reference: [2, 4], limit: { ratio: 1 } },
    ])
    assert.match(table, /\| a +\| +b \| +3\.0 ms \| +3\.00 µs \|/)
  })
})
