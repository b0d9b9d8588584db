import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { listener, problemDetails } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { listen } from '../../support/servers.js'

describe('a request on the kept-alive connection of another', () => {
  it('is the one that failed when the connection breaks before its body was sent', async () => {
    const upstream = await listen(
      createServer((req, res) => {
        if (req.method === 'GET') res.end('ok')
        else req.socket.resetAndDestroy()
      }),
    )
    const forward = createForward()
    const gateway = await listen(
      createServer(listener(problemDetails(), (req, res) => forward(req, res, upstream.url))),
    )
    assert.equal((await sendRaw(gateway.port, getLine('/'))).status, 200)
    const post = getLine('/', 'Content-Length: 4').replace('GET', 'POST')
    assert.equal(
      problemIn(await sendRaw(gateway.port, `${post}b`)).code,
      'upstream_connection_lost',
    )
    await gateway.close()
    await upstream.close()
  })
})
