import assert from 'node:assert/strict'
import { soak, summaryOf } from '../support/soak.js'

for (const [engine, seconds] of [
  ['http-proxy', 10],
  ['forward', 5],
] as const)
  describe(`a soak of ${engine} for ${seconds} seconds`, () => {
    it('leaves no client waiting, leaks nothing, and answers with the bytes of the upstream or a standard body', async function () {
      this.timeout(60_000)
      const report = await soak(seconds * 1000, engine)
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
