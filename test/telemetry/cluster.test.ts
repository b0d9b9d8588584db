import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { valuesOf } from '../support/exposition.js'

describe('prometheus in the processes of a cluster', function () {
  // Three processes begin.
  this.timeout(60_000)

  it('is added up by prom-client', async () => {
    const program = join(import.meta.dirname, 'cluster.ts')
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program])
    const text = stdout.trim()
    assert.deepEqual(valuesOf(text, 'good_gateway_requests_total', { status: '200' }), [2])
    assert.deepEqual(valuesOf(text, 'good_gateway_request_duration_seconds_count'), [2])
    assert.deepEqual(valuesOf(text, 'good_gateway_info'), [1])
  })
})
