import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createServer, get, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import httpProxy from 'http-proxy'
import { fetch as undiciFetch } from 'undici'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { dechunk, getLine, sendRaw, sendWatching } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

const OK = 'HTTP/1.1 200 OK\r\n'

/** Told when the client has received the first part of a body, so that what follows comes later. */
const client = new EventEmitter()
const thenOnce = (act: () => void) => void client.once('part', act)

/** Each of them made http-proxy hang, crash, or tell the client something wrong. */
const misbehave: Record<string, (socket: Socket) => void> = {
  '/fin-mid-body': (socket) => socket.end(`${OK}Content-Length: 50\r\n\r\npart`),
  '/rst-mid-body': (socket) => {
    socket.write(`${OK}Content-Length: 50\r\n\r\npart`)
    thenOnce(() => socket.resetAndDestroy())
  },
  '/bad-chunk': (socket) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n`)
    thenOnce(() => socket.write('XYZ\r\n'))
  },
  '/099': (socket) => socket.end('HTTP/1.1 099 Nope\r\nContent-Length: 2\r\n\r\nno'),
  '/surplus': (socket) => socket.end(`${OK}Content-Length: 4\r\n\r\ngoodSURPLUS`),
  '/rst-until-close': (socket) => {
    socket.write(`${OK}Connection: close\r\n\r\npart`)
    thenOnce(() => socket.resetAndDestroy())
  },
  '/silence': () => {},
}

for (const host of hosts) {
  describe(`${host.name}, the eight cases that http-proxy gets wrong`, () => {
    let upstream: Listening
    let gateway: Listening
    let left: Promise<void>
    let target: string

    before(async () => {
      let leave: () => void
      left = new Promise((resolve) => (leave = resolve))
      upstream = await listen(
        createTcpServer((socket) => {
          socket.on('error', () => {})
          socket.once('data', (data: Buffer) =>
            misbehave[data.toString().split(' ')[1] ?? '']?.(socket),
          )
          socket.once('close', () => leave())
        }),
      )
      target = upstream.url
      const proxy = httpProxy.createProxyServer({ proxyTimeout: 150 })
      // As most listeners are: it does not look whether the head is out.
      proxy.on('error', (_error, _req, res) => void (res as ServerResponse).writeHead(502).end())
      gateway = await host.start({
        use: ({ problemDetails }) => [problemDetails()],
        handler: (req, res) => proxy.web(req, res, { target }),
      })
    })

    after(async () => {
      await gateway.close()
      await upstream.close()
    })

    const send = (path: string) =>
      sendWatching(gateway.port, [getLine(path)], (text) => {
        if (text.includes('part')) client.emit('part')
      })

    for (const path of ['/fin-mid-body', '/rst-mid-body']) {
      it(`${path}: the client is disconnected at once and gets nothing else`, async () => {
        const received = await send(path)
        assert.deepEqual([received.status, received.body], [200, 'part'])
      })
    }

    for (const path of ['/bad-chunk', '/rst-until-close']) {
      it(`${path}: the client does not see a clean end of the body`, async () => {
        const received = await send(path)
        assert.equal(received.status, 200)
        assert.deepEqual(dechunk(received.body), { text: 'part', whole: false })
      })
    }

    it('/099: a standard body instead of the end of the process', async () => {
      const received = await send('/099')
      assert.deepEqual(
        [received.status, problemIn(received).code],
        [502, 'upstream_protocol_error'],
      )
    })

    it('/surplus: an answer instead of the end of the process', async () => {
      const received = await send('/surplus')
      if (received.status === 200) assert.equal(received.body, 'good')
      else assert.equal(problemIn(received).code, 'upstream_protocol_error')
    })

    it('/silence: the timeout of the proxy is a 504, not a lost connection', async () => {
      const received = await send('/silence')
      assert.deepEqual([received.status, problemIn(received).code], [504, 'upstream_timeout'])
    })

    it('aborts the call to the upstream when the client leaves', async () => {
      const leaving = connect(gateway.port, '127.0.0.1')
      leaving.on('error', () => {})
      leaving.write(getLine('/silence'), () => leaving.destroy())
      await left
    })

    it('a port that is not valid: a standard body instead of an exception', async () => {
      target = 'http://127.0.0.1:70000'
      const received = await send('/')
      target = upstream.url
      // Where the host handles the error, only its page is seen.
      const code = host.errors === 'thrown' ? 'gateway_misconfigured' : 'gateway_error'
      assert.deepEqual([received.status, problemIn(received).code], [500, code])
    })
  })

  describe(`${host.name}, a proxy that ignores its errors`, () => {
    it('is answered at the deadline, with the failure that it has ignored', async () => {
      const proxy = httpProxy.createProxyServer({ target: nobody.url })
      proxy.on('error', () => {})
      const gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => [
          problemDetails(),
          circuitBreaker({ name: `swallowed on ${host.name}`, timeout: 50 }),
        ],
        handler: (req, res) => proxy.web(req, res),
      })
      try {
        const received = await sendRaw(gateway.port, getLine('/'))
        assert.deepEqual([received.status, problemIn(received).code], [502, 'upstream_refused'])
      } finally {
        await gateway.close()
      }
    })
  })

  describe(`${host.name}, timeouts that the application has set`, () => {
    let upstream: Listening

    before(async () => {
      upstream = await listen(createServer(() => {}))
    })

    after(() => upstream.close())

    const fail = (res: ServerResponse) => () => void res.writeHead(502).end('gave up')
    const handlers: Record<string, (req: IncomingMessage, res: ServerResponse) => unknown> = {
      'http.request({ timeout })': (_req, res) => {
        const call = request(upstream.url, { timeout: 50 }).once('error', fail(res))
        call.once('timeout', () => call.destroy()).end()
      },
      'AbortSignal.timeout of http.get': (_req, res) => {
        get(upstream.url, { signal: AbortSignal.timeout(50) }).once('error', fail(res))
      },
      'AbortSignal.timeout of fetch': (_req, res) =>
        fetch(upstream.url, { signal: AbortSignal.timeout(50) }).catch(fail(res)),
      'AbortSignal.timeout of undici': (_req, res) =>
        undiciFetch(upstream.url, { signal: AbortSignal.timeout(50) }).catch(fail(res)),
      'a fetch that nobody catches': () => fetch(upstream.url, { signal: AbortSignal.timeout(50) }),
      'an AbortController and a timer': (_req, res) => {
        const controller = new AbortController()
        setTimeout(() => controller.abort(), 50)
        return fetch(upstream.url, { signal: controller.signal }).catch(fail(res))
      },
    }

    for (const [name, handler] of Object.entries(handlers)) {
      it(`${name} is a 504`, async () => {
        const gateway = await host.start({
          use: ({ problemDetails }) => [problemDetails()],
          handler,
        })
        try {
          const received = await sendRaw(gateway.port, getLine('/'))
          assert.deepEqual([received.status, problemIn(received).code], [504, 'upstream_timeout'])
        } finally {
          await gateway.close()
        }
      })
    }
  })
}
