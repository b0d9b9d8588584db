import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Server, skipWithout } from './server.js'

describe('a process that never leaves its fleet', function () {
  this.timeout(20_000)
  let server: Server

  before(async function () {
    skipWithout(this, 'redis-server')
    server = await Server.start()
  })
  after(() => server?.stop())

  for (const client of ['ioredis', 'iovalkey', 'node-redis'])
    it(`ends all the same when its client of ${client} has ended`, async () => {
      const program = join(import.meta.dirname, 'alive.ts')
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', program, client, `${server.port}`],
        { timeout: 10_000 },
      )
      assert.equal(stdout, 'joined\n')
    })
})
