import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import {
  breakers,
  circuitBreaker,
  forward,
  listener,
  problemDetails,
  upgradeListener,
} from 'good-gateway'
import httpProxy from 'http-proxy'
import * as httpProxy3 from 'http-proxy-3'
import * as httpxy from 'httpxy'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { WebSocket, WebSocketServer } from 'ws'
import { fieldOf, problemIn } from '../../support/problem.js'
import { parse, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

interface Proxy {
  web(req: IncomingMessage, res: ServerResponse): unknown
  ws(req: IncomingMessage, socket: Socket, head: Buffer): unknown
}

/** The one of this package answers failures by itself, in the same way. */
const own = (target: string): Proxy => {
  const proxy = forward({ target })
  return { web: proxy, ws: proxy.upgrade }
}

/** The proxies, with an error listener that does nothing: they close the socket by themselves. */
const proxies: Record<string, (target: string) => Proxy> = {
  forward: own,
  'http-proxy': (target) => {
    const proxy = httpProxy.createProxyServer({ target })
    proxy.on('error', () => {})
    return proxy
  },
  'http-proxy-3': (target) => {
    const proxy = httpProxy3.createProxyServer({ target })
    proxy.on('error', () => {})
    return proxy
  },
  httpxy: (target) => {
    const proxy = httpxy.createProxyServer({ target })
    proxy.on('error', () => {})
    return {
      web: (req, res) => proxy.web(req, res),
      ws: (req, socket, head) => proxy.ws(req, socket, {}, head).catch(() => {}),
    }
  },
}

const upgrade = (...fields: string[]): string =>
  [
    'GET /chat HTTP/1.1',
    'Host: gateway',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
    '',
    '',
  ].join('\r\n')

for (const [proxyName, createProxy] of Object.entries(proxies)) {
  describe(`${proxyName}, upgrades`, () => {
    const name = `chat behind ${proxyName}`
    let codes: string[] = []
    let open: Listening[] = []

    afterEach(async () => {
      await Promise.all(open.map(({ close }) => close()))
      open = []
      codes = []
      breakers.get(name)?.release()
    })

    const started = async (server: ReturnType<typeof createServer>): Promise<Listening> => {
      const listening = await listen(server)
      open.push(listening)
      return listening
    }

    async function gateway(target: string): Promise<Listening> {
      const proxy = createProxy(target)
      const problems = problemDetails({ onError: (error) => codes.push(error.code) })
      const breaker = circuitBreaker({ name, timeout: 200, volumeThreshold: 1e6 })
      const server = createServer(listener(problems, breaker, (req, res) => proxy.web(req, res)))
      server.on(
        'upgrade',
        upgradeListener(problems, breaker, (req, socket, head) => proxy.ws(req, socket, head)),
      )
      return started(server)
    }

    const stats = () => circuitBreaker({ name, timeout: 200, volumeThreshold: 1e6 }).breaker.stats

    it('lets a WebSocket through, and counts a success once it is established', async () => {
      const upstream = await started(createServer())
      const server = createServer()
      const sockets = new WebSocketServer({ server })
      sockets.on('connection', (socket) =>
        socket.on('message', (data) => socket.send(`echo ${String(data)}`)),
      )
      const echo = await started(server)
      const { port } = await gateway(echo.url)
      const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`)
      await once(socket, 'open')
      socket.send('hello')
      const [data] = (await once(socket, 'message')) as [Buffer]
      assert.equal(String(data), 'echo hello')
      socket.close()
      await once(socket, 'close')
      await until(() => stats().fires > 0)
      assert.deepEqual([stats().successes, stats().failures, codes], [1, 0, []])
      assert.ok(upstream.port)
    })

    it('lets socket.io through, polling and WebSocket', async () => {
      const server = createServer()
      const sockets = new Server(server)
      sockets.on('connection', (socket) => socket.on('ask', (text, answer) => answer(`re ${text}`)))
      const { url } = await started(server)
      const { port } = await gateway(url)
      const client = io(`http://127.0.0.1:${port}`)
      try {
        const upgraded = new Promise((resolve) => client.io.engine.once('upgrade', resolve))
        assert.equal(await client.emitWithAck('ask', 'hi'), 're hi')
        await upgraded
        assert.equal(await client.emitWithAck('ask', 'again'), 're again')
      } finally {
        client.close()
        await sockets.close()
        open = open.filter((one) => one.url !== url)
      }
    })

    it('answers an upgrade whose connection is refused', async () => {
      const { port } = await gateway(nobody.url)
      const received = await sendRaw(port, upgrade())
      assert.deepEqual([received.status, problemIn(received).code], [502, 'upstream_refused'])
      assert.equal(fieldOf(received.head, 'connection'), 'close')
      assert.deepEqual(codes, ['upstream_refused'])
      assert.equal(stats().failures, 1)
    })

    it('tells socket.io-client why, too', async () => {
      const { port } = await gateway(nobody.url)
      const client = io(`http://127.0.0.1:${port}`, {
        transports: ['websocket'],
        reconnection: false,
      })
      const error = await new Promise<Error>((resolve) => client.once('connect_error', resolve))
      assert.match(error.message, /websocket error/)
      assert.deepEqual(codes, ['upstream_refused'])
      client.close()
    })

    it('answers an upgrade whose connection hangs, and aborts it', async () => {
      let dialled: Socket | undefined
      const upstream = await started(
        createServer().on('upgrade', (_req, socket) => {
          dialled = socket as Socket
          socket.on('error', () => {})
          // Servers keep a socket half open.
          socket.resume().once('end', () => socket.end())
        }),
      )
      const { port } = await gateway(upstream.url)
      const received = await sendRaw(port, upgrade())
      assert.deepEqual([received.status, problemIn(received).code], [504, 'upstream_timeout'])
      await until(() => upstream.connections() === 0)
      assert.ok(dialled)
    })

    it('answers an upgrade whose connection is reset', async () => {
      const upstream = await started(
        createServer().on('upgrade', (_req, socket) => (socket as Socket).resetAndDestroy()),
      )
      const { port } = await gateway(upstream.url)
      const received = await sendRaw(port, upgrade())
      assert.deepEqual(
        [received.status, problemIn(received).code],
        [502, 'upstream_connection_lost'],
      )
    })

    it("passes the upstream's own refusal", async () => {
      const upstream = await started(
        createServer((_req, res) => {
          res.writeHead(403, { 'Content-Length': 3, Connection: 'close' }).end('own')
        }),
      )
      const { port } = await gateway(upstream.url)
      const received = await sendRaw(port, upgrade())
      assert.equal(received.status, 403)
      assert.deepEqual(codes, [])
    })

    it('answers while the circuit is open', async () => {
      const { port } = await gateway('http://127.0.0.1:1')
      breakers.get(name)?.open()
      const received = await sendRaw(port, upgrade())
      assert.deepEqual([received.status, problemIn(received).code], [503, 'circuit_open'])
      assert.ok(Number(fieldOf(received.head, 'retry-after')) >= 1)
    })

    /** An upstream that takes an upgrade and says nothing. */
    async function hanging(): Promise<Listening & { dials: Socket[] }> {
      const dials: Socket[] = []
      const upstream = await started(
        createServer().on('upgrade', (_req, socket) => {
          dials.push(socket as Socket)
          socket.on('error', () => {})
          // Servers keep a socket half open.
          socket.resume().once('end', () => socket.end())
        }),
      )
      return Object.assign(upstream, { dials })
    }

    it('aborts the connection of a client that resets its own', async () => {
      const upstream = await hanging()
      const { port } = await gateway(upstream.url)
      const client = connect(port, '127.0.0.1')
      client.on('error', () => {})
      client.write(upgrade())
      await until(() => upstream.dials.length > 0)
      client.resetAndDestroy()
      await until(() => upstream.connections() === 0 && codes.length > 0)
      assert.deepEqual([codes, stats().fires], [['client_closed_request'], 0])
    })

    it('answers a client that has said that it will send no more', async () => {
      const { port } = await gateway(nobody.url)
      const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      client.end(upgrade())
      let text = ''
      for await (const part of client.setEncoding('latin1')) text += String(part)
      assert.equal(problemIn(parse(text)).code, 'upstream_refused')
    })

    it('ends the connection of a client that has sent its end and never reads, at the deadline', async () => {
      const upstream = await hanging()
      const { port } = await gateway(upstream.url)
      const client = connect(port, '127.0.0.1')
      client.write(upgrade())
      await until(() => upstream.dials.length > 0)
      client.destroy()
      await until(() => upstream.connections() === 0 && codes.length > 0)
      assert.deepEqual(codes, ['upstream_timeout'])
    })
  })
}

describe('an upgrade that the proxy answers in several writes', () => {
  it('gets one whole answer, and nothing after it', async () => {
    const proxy = httpProxy.createProxyServer({ target: nobody.url })
    proxy.on('error', (_error, _req, socket) => {
      // Of an upgrade the types say nothing.
      const bare = socket as unknown as Socket
      bare.write('HTTP/1.1 500 Oops\r\n')
      bare.write('Content-Length: 0\r\n\r\n')
      bare.end()
    })
    const server = createServer()
    server.on(
      'upgrade',
      upgradeListener(problemDetails(), (req, socket, head) => proxy.ws(req, socket, head)),
    )
    const gateway = await listen(server)
    const received = await sendRaw(gateway.port, upgrade())
    await gateway.close()
    assert.equal(problemIn(received).code, 'upstream_refused')
    assert.equal(received.body.length, Number(fieldOf(received.head, 'content-length')))
  })
})

describe('upgradeListener at mount', () => {
  it('refuses what is not a function', () => {
    assert.throws(() => upgradeListener(undefined as never), /upgradeListener: pass middlewares/)
    assert.throws(() => Reflect.apply(upgradeListener, undefined, []), TypeError)
  })
})
