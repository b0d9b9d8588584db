import assert from 'node:assert/strict'
import { fuzzed } from './gateways.js'
import { fuzz } from './run.js'

for (const gateway of fuzzed)
  describe(`${gateway.name}, random messages`, () => {
    for (const kind of ['requests', 'answers'] as const)
      it(`ends no process, leaves nothing open and loses no place: ${kind}`, async function () {
        this.timeout(60_000)
        assert.deepEqual(await fuzz(gateway, kind, 1, 150), [])
      })
  })
