import assert from 'node:assert/strict'
import { soak, summaryOf } from '../support/soak.js'

describe('a soak of ten seconds', () => {
  it('leaves no client waiting, leaks nothing, and answers with the bytes of the upstream or a standard body', async function () {
    this.timeout(60_000)
    const report = await soak(10_000)
    console.log(`      ${summaryOf(report)}`)
    assert.deepEqual(report.faults, [])
    // What never happened was not tested.
    for (const kind of [
      'whole',
      'cut',
      'left',
      'upstream_timeout',
      'upstream_connection_lost',
      'circuit_open',
    ])
      assert.ok((report.answers[kind] ?? 0) > 0, `no answer was ${kind}`)
  })
})
