import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { getLine } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

const post = (path: string, body: string) =>
  getLine(path, `Content-Length: ${body.length}`, 'Content-Type: application/json').replace(
    'GET',
    'POST',
  ) + body

for (const host of hosts) {
  describe(`${host.name}, a client that leaves`, () => {
    let upstream: Listening
    let gateway: Listening
    let stats: () => { fires: number }
    let codes: string[] = []
    let arrived: Promise<IncomingMessage>
    let arrive: (req: IncomingMessage) => void

    beforeEach(async () => {
      codes = []
      arrived = new Promise((resolve) => (arrive = resolve))
      upstream = await listen(
        createServer((req, res) => {
          if (req.url === '/sse')
            res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
          req.resume().once('end', () => arrive(req))
        }),
      )
      const forward = createForward()
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker, routes, validate }) => {
          const breaker = circuitBreaker({ name: `left on ${host.name}`, volumeThreshold: 1 })
          stats = () => breaker.breaker.stats
          return [
            problemDetails({ onError: (error) => codes.push(error.code) }),
            routes({ 'POST /checked': validate({ body: {} }) }),

            breaker,
          ]
        },
        handler: (req, res) => forward(req, res, upstream.url),
      })
    })

    afterEach(async () => {
      await gateway.close()
      await upstream.close()
    })

    const cases: [string, string][] = [
      ['a waiting GET', getLine('/')],
      ['a waiting POST that was checked', post('/checked', '{"a":1}')],
      ['a waiting POST that streamed through', post('/', '{"a":1}')],
      ['a running event stream', getLine('/sse')],
    ]
    for (const [title, request] of cases) {
      it(`aborts the upstream call of ${title}, and counts it as neither success nor failure`, async () => {
        const client = connect(gateway.port, '127.0.0.1')
        client.on('error', () => {})
        client.write(request)
        const call = await arrived
        if (call.url === '/sse') await once(client, 'data')
        const closed = once(call.socket, 'close')
        client.destroy()
        await closed
        await until(() => codes.length > 0)
        assert.deepEqual(codes, ['client_closed_request'])
        assert.equal(stats().fires, 0)
      })
    }

    it('does not call the upstream when the body never arrived in full', async () => {
      const client = connect(gateway.port, '127.0.0.1')
      client.on('error', () => {})
      client.write(post('/checked', '{"a":1}').slice(0, -2), () => client.destroy())
      await until(() => codes.length > 0)
      assert.deepEqual(codes, ['client_closed_request'])
      assert.equal(upstream.connections(), 0)
    })
  })
}
