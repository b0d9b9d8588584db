import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, request, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  breakers,
  circuitBreaker,
  listener,
  problemDetails,
  type UpgradeHandler,
  upgradeListener,
} from 'good-gateway'
import httpProxy from 'http-proxy'
import * as httpProxy3 from 'http-proxy-3'
import * as httpxy from 'httpxy'
import { WebSocket, WebSocketServer } from 'ws'
import { fieldOf, problemIn } from '../../support/problem.js'
import { parse, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

const upgrade = (protocol: string, ...fields: string[]): string =>
  [
    'GET /chat HTTP/1.1',
    'Host: gateway',
    'Connection: Upgrade',
    `Upgrade: ${protocol}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
    '',
    '',
  ].join('\r\n')

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'

describe('an upgrade', () => {
  const name = 'chat'
  const settings = { name, timeout: 200, idleTimeout: 200, volumeThreshold: 1e6, capacity: 1 }
  let codes: string[] = []
  let open: Listening[] = []
  const breaker = circuitBreaker(settings)
  const problems = problemDetails({ onError: (error) => codes.push(error.code) })
  after(() => breakers.get(name)?.release())

  afterEach(async () => {
    await Promise.all(open.map(({ close }) => close()))
    open = []
    codes = []
  })

  async function started(server: ReturnType<typeof createServer>): Promise<Listening> {
    const listening = await listen(server)
    open.push(listening)
    return listening
  }

  const guarded = (handler: UpgradeHandler) => upgradeListener(problems, breaker, handler)

  const plain = listener(problems, breaker, async (req, res) => {
    res.end(`plain ${req.method} ${req.headers.upgrade} ${await text(req)}`)
  })

  const gateway = (handler: UpgradeHandler) =>
    started(createServer(plain).on('upgrade', guarded(handler)))

  /** Whether the one place of the circuit is free. */
  async function placeIsFree(): Promise<void> {
    const { port, close } = await listen(createServer(plain))
    let status = 0
    while (status !== 200)
      ({ status } = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
    await close()
  }

  it('looks like one without a guard', async () => {
    const seen: unknown[] = []
    const look: UpgradeHandler = (_req, socket) => {
      const { readableFlowing } = socket
      seen.push([readableFlowing, socket.isPaused(), socket.listenerCount('readable')])
      setImmediate(() => {
        seen.push([socket.readableFlowing, socket.isPaused(), '_httpMessage' in socket])
        socket.destroy()
      })
    }
    const { port } = await gateway(look)
    await sendRaw(port, upgrade('websocket'))
    const bare = await started(
      createServer().on('upgrade', (req, s, h) => look(req, s as Socket, h)),
    )
    await sendRaw(bare.port, upgrade('websocket'))
    assert.equal(seen.length, 4)
    assert.deepEqual(seen.slice(0, 2), seen.slice(2))
  })

  it('lets the handler put a response of its own on the socket', async () => {
    const { port } = await gateway((req, socket) => {
      const res = new ServerResponse(req)
      res.assignSocket(socket)
      res.once('finish', () => socket.end())
      res.writeHead(404, { 'Content-Length': 3 }).end('own')
    })
    const received = await sendRaw(port, upgrade('websocket'))
    assert.deepEqual([received.status, received.body, codes], [404, 'own', []])
    await placeIsFree()
  })

  it('lets a server of WebSockets take it after a response was put on the socket', async () => {
    const sockets = new WebSocketServer({ noServer: true })
    const { port } = await gateway((req, socket, head) => {
      new ServerResponse(req).assignSocket(socket)
      sockets.handleUpgrade(req, socket, head, (ws) => {
        ws.on('message', (data) => ws.send(`echo ${String(data)}`))
      })
    })
    const client = new WebSocket(`ws://127.0.0.1:${port}/`)
    await once(client, 'open')
    client.send('a')
    assert.equal(String((await once(client, 'message'))[0]), 'echo a')
    client.terminate()
    await placeIsFree()
  })

  it('answers on the socket even where the handler has put a response on it', async () => {
    const { port } = await gateway((req, socket) => {
      const res = new ServerResponse(req)
      res.assignSocket(socket)
      get(nobody.url).on('error', () => res.writeHead(500).end())
    })
    const received = await sendRaw(port, upgrade('websocket'))
    assert.equal(problemIn(received).code, 'upstream_refused')
    await placeIsFree()
  })

  it('keeps what the client sends while the handler holds the socket', async () => {
    const { port } = await gateway((_req, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      socket.pause()
      setTimeout(() => {
        assert.ok(socket.isPaused())
        socket.write(SWITCHED)
        socket.on('data', (data) => socket.end(`got ${String(data)}`))
        socket.resume()
      }, 30)
    })
    const { body } = await sendRaw(port, upgrade('websocket'), 'first')
    assert.equal(body, 'got first')
  })

  for (const [title, word] of [
    ['a switch of protocols', SWITCHED],
    ['an answer', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'],
  ] as const)
    it(`is let alone after ${title} of the handler, whatever its calls do`, async () => {
      const { port } = await gateway((_req, socket) => {
        socket.write(word)
        // Both calls fail, and the deadline passes.
        get(nobody.url).on('error', () => {})
        setTimeout(() => get(nobody.url).on('error', () => {}), 20)
        setTimeout(() => socket.end('still here'), 400)
      })
      const { body, reset } = await sendRaw(port, upgrade('websocket'))
      assert.deepEqual([body, reset, codes], ['still here', false, []])
      await placeIsFree()
    })

  for (const [place, order] of [
    ['before', [0, 1]],
    ['after', [1, 0]],
  ] as const)
    it(`is let alone where another listener ${place} this one has taken it`, async () => {
      const sockets = new WebSocketServer({ noServer: true })
      const others = (req: IncomingMessage, socket: Socket, head: Buffer) =>
        sockets.handleUpgrade(req, socket, head, (ws) => {
          ws.on('message', (data) => ws.send(`echo ${String(data)}`))
        })
      const dials = guarded(() => void get(nobody.url).on('error', () => {}))
      const server = createServer()
      const both = [others as typeof dials, dials]
      for (const at of order) server.on('upgrade', both[at] as typeof dials)
      const { port } = await started(server)
      const client = new WebSocket(`ws://127.0.0.1:${port}/`)
      await once(client, 'open')
      // Longer than the deadline.
      await new Promise((resolve) => setTimeout(resolve, 300))
      client.send('a')
      assert.equal(String((await once(client, 'message'))[0]), 'echo a')
      client.terminate()
      await placeIsFree()
    })

  it('waits for the answers to the requests before it on the connection', async () => {
    let answer: (() => void) | undefined
    const server = createServer((_req, res) => {
      answer = () => res.end('first')
    })
    server.on(
      'upgrade',
      guarded((_req, socket) => void get(nobody.url).on('error', () => socket.end('nothing'))),
    )
    const { port } = await started(server)
    const received = sendRaw(port, `GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgrade('websocket')}`)
    await until(() => answer !== undefined)
    setTimeout(() => answer?.(), 20)
    const { text: all } = await received
    const second = all.indexOf('HTTP/1.1 502')
    assert.ok(all.startsWith('HTTP/1.1 200') && all.slice(0, second).endsWith('first'), all)
    assert.equal(problemIn(parse(all.slice(second))).code, 'upstream_refused')
    await placeIsFree()
  })

  it('ends no process when the client resets the connection while it waits', async () => {
    const answers: (() => void)[] = []
    const server = createServer((_req, res) => void answers.push(() => res.end()))
    server.on(
      'upgrade',
      guarded(() => assert.fail('there is nobody')),
    )
    const { port, connections } = await started(server)
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgrade('websocket')}`)
    await until(() => answers.length > 0)
    client.resetAndDestroy()
    await until(() => connections() === 0)
  })

  describe('to a protocol that nobody knows', () => {
    const proxies: Record<string, () => UpgradeHandler> = {
      'http-proxy': () => {
        const proxy = httpProxy.createProxyServer({ target: nobody.url })
        return (req, socket, head) => proxy.ws(req, socket, head)
      },
      'http-proxy-3': () => {
        const proxy = httpProxy3.createProxyServer({ target: nobody.url })
        return (req, socket, head) => proxy.ws(req, socket, head)
      },
      httpxy: () => {
        const proxy = httpxy.createProxyServer({ target: nobody.url })
        return (req, socket, head) => proxy.ws(req, socket, {}, head).catch(() => {})
      },
    }
    for (const [proxy, create] of Object.entries(proxies))
      for (const protocol of ['h2c', 'foo/2'])
        it(`goes on as plain HTTP: ${protocol} behind ${proxy}`, async () => {
          const { port } = await gateway(create())
          const received = await sendRaw(
            port,
            upgrade(protocol, 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'),
          )
          assert.deepEqual([received.status, codes], [200, []])
          assert.equal(fieldOf(received.head, 'connection'), 'close')
          assert.match(received.text, /plain GET undefined/)
          await placeIsFree()
        })

    const givesStream = Number(process.versions.node.split('.')[0]) >= 26
    const node = givesStream
      ? ' (left out: this Node gives the handler a stream of its own for a body)'
      : ''
    it(`keeps its body${node}`, async function () {
      if (givesStream) this.skip()
      const { port } = await gateway((_req, socket) => socket.destroy())
      const { text: all } = await sendRaw(
        port,
        'POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 10\r\n\r\nhello',
        'world',
      )
      assert.match(all, /plain POST undefined helloworld/)
    })

    it('is what it was where the handler knows it', async () => {
      const { port } = await gateway((_req, socket) => void socket.end(`${SWITCHED}mine`))
      const { status, body } = await sendRaw(port, upgrade('foo'))
      assert.deepEqual([status, body], [101, 'mine'])
    })
  })

  describe('that the upstream refuses with a stream of events', () => {
    const events: Socket[] = []
    /** A gateway that relays the refusal by hand, as the proxies do. */
    async function relaying(): Promise<{ upstream: Listening; port: number }> {
      events.length = 0
      const upstream = await started(
        createServer((req, res) => {
          events.push(req.socket)
          res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
        }),
      )
      const { port } = await gateway((req, socket) => {
        const { headers } = req
        const call = request(upstream.url, { headers })
        call.on('response', (res) => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
          res.pipe(socket)
        })
        call.on('error', () => socket.destroy()).end()
      })
      return { upstream, port }
    }

    it('ends its call and gives its place back when the client leaves', async () => {
      const { upstream, port } = await relaying()
      const client = connect(port, '127.0.0.1')
      client.write(upgrade('websocket'))
      await once(client, 'data')
      client.resetAndDestroy()
      await until(() => upstream.connections() === 0 && codes.length > 0)
      assert.deepEqual(codes, ['client_closed_request'])
      await placeIsFree()
    })

    it('closes behind a whole answer, though nobody has read what the client had sent', async () => {
      const { port, connections } = await gateway((_req, socket, head) => {
        socket.unshift(head)
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      })
      const client = connect(port, '127.0.0.1')
      client.write(`${upgrade('websocket')}unread`)
      client.resume().once('end', () => client.end())
      await until(() => connections() === 0)
      await placeIsFree()
    })

    it('is cut after the time between bytes', async () => {
      const { upstream, port } = await relaying()
      const received = await sendRaw(port, upgrade('websocket'))
      assert.deepEqual([received.status, received.reset], [200, true])
      await until(() => upstream.connections() === 0)
      assert.deepEqual(codes, ['upstream_idle_timeout'])
      await placeIsFree()
    })

    it('is cut where the upstream dies', async () => {
      const { port } = await relaying()
      const received = sendRaw(port, upgrade('websocket'))
      await until(() => events.length > 0)
      setTimeout(() => events[0]?.resetAndDestroy(), 50)
      assert.equal((await received).reset, true)
      assert.deepEqual(codes, ['upstream_response_incomplete'])
      await placeIsFree()
    })
  })
})
