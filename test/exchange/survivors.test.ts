import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Report } from '../support/survivors/gateway.js'

const gateway = join(import.meta.dirname, '../support/survivors/gateway.ts')

/** Bytes per request, beside the 300 of a bare proxy; version 0.1 left 12,000. */
const MOST_PROMOTED = 2000

/** The body that it has sent last on each connection, also where nothing of ours is mounted. */
const KEPT_BY_UNDICI = 4

describe('a request that is over', () => {
  for (const [method, path, engine] of [
    ['GET', '/', 'http-proxy'],
    ['POST', '/', 'http-proxy'],
    ['GET', '/stream', 'http-proxy'],
    ['POST', '/', 'undici'],
    ['POST', '/', 'all parts'],
    ['GET', '/stream', 'all parts'],
    ['POST', '/', 'forward'],
    ['GET', '/stream', 'forward'],
  ] as const) {
    it(`is kept by nothing: ${method} ${path} through ${engine}`, function () {
      this.timeout(60_000)
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        ['--expose-gc', '--import', 'tsx', gateway, method, path, engine],
        { encoding: 'utf8' },
      )
      assert.equal(status, 0, stderr)
      const { left, promotedPerRequest, remembered } = JSON.parse(stdout) as Report
      assert.equal(remembered, 100)
      const kept = engine === 'undici' ? KEPT_BY_UNDICI : 0
      for (const [kind, count] of Object.entries(left)) assert.ok(count <= kept, `${count} ${kind}`)
      // What undici and a change of a stream leave behind is theirs.
      const isPlain = engine === 'http-proxy' || engine === 'forward'
      if (isPlain) assert.ok(promotedPerRequest < MOST_PROMOTED, `${promotedPerRequest} bytes`)
    })
  }
})
