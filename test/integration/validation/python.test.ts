import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { nobody } from '../../support/servers.js'

const run = promisify(execFile)
const SIZE = 5_000_000

describe('python’s http.client, which writes a whole body before it reads', () => {
  before(async function () {
    try {
      await run('python3', ['--version'])
    } catch {
      console.log('      no Python here: skipped')
      this.skip()
    }
  })

  for (const host of hosts) {
    it(`sees the 413 of ${host.name}`, async () => {
      const forward = createForward()
      const gateway = await host.start({
        use: ({ problemDetails, validate }) => [
          problemDetails(),
          validate({ body: {} }, { limit: 1000 }),
        ],
        handler: (req, res) => forward(req, res, nobody.url),
      })
      try {
        const script = [
          'import http.client',
          `c = http.client.HTTPConnection('127.0.0.1', ${gateway.port})`,
          `c.request('POST', '/', b' ' * ${SIZE}, {'Content-Type': 'application/json'})`,
          'print(c.getresponse().status)',
        ].join('\n')
        const { stdout } = await run('python3', ['-c', script])
        assert.equal(stdout.trim(), '413')
      } finally {
        await gateway.close()
      }
    })
  }
})
