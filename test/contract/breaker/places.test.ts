import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { breakers, type CircuitBreakerOptions } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

const MEGABYTES = Buffer.alloc(64 * 1024 * 1024)

for (const host of hosts)
  describe(`${host.name}, the places of a circuit`, () => {
    let name = ''
    let tests = 0
    const forward = createForward()
    let upstream: Listening
    let gateway: Listening
    let target: string
    let waiting: ServerResponse[] = []
    const clients: Socket[] = []

    before(async () => {
      upstream = await listen(
        createServer((req, res) => {
          if (req.url === '/slow') waiting.push(res)
          else if (req.url === '/large') res.end(MEGABYTES)
          else req.resume().once('end', () => res.end('ok'))
        }),
      )
    })
    after(() => upstream.close())

    async function start(options: Partial<CircuitBreakerOptions>): Promise<void> {
      name = `places ${++tests} on ${host.name}`
      target = upstream.url
      waiting = []
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => [
          problemDetails(),
          circuitBreaker({ name, volumeThreshold: 1e6, ...options }),
        ],
        handler: (req, res) => forward(req, res, target),
      })
    }

    afterEach(async () => {
      for (const socket of clients.splice(0)) socket.destroy()
      await gateway.close()
      breakers.get(name)?.release()
    })

    function client(...bytes: string[]): Socket {
      const socket = connect(gateway.port, '127.0.0.1')
      socket.on('error', () => {})
      for (const each of bytes) socket.write(each)
      clients.push(socket)
      return socket
    }

    const status = async () => (await sendRaw(gateway.port, getLine('/'))).status

    for (const leave of ['resetAndDestroy', 'destroy', 'end'] as const)
      it(`are given back for requests that wait behind another, after ${leave}()`, async () => {
        await start({ capacity: 11 })
        const line = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
        const socket = client(line('/slow') + line('/slow').repeat(10))
        await until(() => waiting.length === 11)
        assert.equal(await status(), 503)
        socket[leave]()
        while ((await status()) !== 200) await pause(5)
        // All of them.
        const second = client(line('/slow') + line('/slow').repeat(9))
        await until(() => waiting.length === 21)
        assert.equal(await status(), 200)
        second.destroy()
      })

    it('are given back by a client that does not read', async () => {
      await start({ capacity: 1, idleTimeout: 200 })
      const socket = client(getLine('/large'))
      await once(socket, 'readable')
      assert.equal(await status(), 503)
      while ((await status()) !== 200) await pause(20)
      // It still gets its answer.
      let size = 0
      for await (const part of socket) size += (part as Buffer).length
      assert.ok(size > MEGABYTES.length)
    })

    it('are not kept from a probe by a client that sends slowly', async () => {
      await start({ resetTimeout: 50, consecutiveFailures: 1, timeout: 20_000 })
      target = nobody.url
      assert.equal(await status(), 502)
      target = upstream.url
      await pause(100)
      const socket = client('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n')
      const trickle = setInterval(() => socket.write('x'), 50)
      await pause(100)
      assert.equal(await status(), 503)
      while ((await status()) !== 200) await pause(50)
      clearInterval(trickle)
    })
  })
