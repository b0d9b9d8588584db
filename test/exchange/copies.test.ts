import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Api from 'good-gateway'
import * as first from 'good-gateway'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen, nobody } from '../support/servers.js'

describe('two copies of the package in one process', () => {
  let folder: string
  let second: typeof Api

  before(async () => {
    const root = join(import.meta.dirname, '../..')
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'good-gateway-copy-')))
    cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    second = (await import(pathToFileURL(join(folder, 'dist/index.js')).href)) as typeof Api
  })

  after(() => rmSync(folder, { recursive: true }))

  it('are two copies', () => {
    assert.notEqual(second.problemDetails, first.problemDetails)
  })

  it('share the errors, the request, its calls and the circuits', async () => {
    const forward = createForward()
    const codes: string[] = []
    const gateway = await listen(
      createServer(
        first.listener(
          first.problemDetails({ onError: ({ code }) => codes.push(code) }),
          second.circuitBreaker({ name: 'copies' }),
          second.validate({ query: { type: 'object', additionalProperties: false } }),
          (req, res) => forward(req, res, nobody.url),
        ),
      ),
    )
    try {
      const refused = problemIn(await sendRaw(gateway.port, getLine('/')))
      assert.deepEqual([refused.code, refused.upstream], ['upstream_refused', { name: 'copies' }])
      assert.equal(problemIn(await sendRaw(gateway.port, getLine('/?x=1'))).code, 'request_invalid')
      first.breakers.get('copies')?.open()
      assert.equal(problemIn(await sendRaw(gateway.port, getLine('/'))).code, 'circuit_open')
      assert.deepEqual(codes, ['upstream_refused', 'request_invalid', 'circuit_open'])
      assert.ok(first.GatewayError.is(new second.GatewayError('circuit_open')))
    } finally {
      await gateway.close()
    }
  })
})
