import assert from 'node:assert/strict'
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import express from 'express'
import httpProxy from 'http-proxy'
import createHttpError from 'http-errors'
import { request as undiciRequest } from 'undici'
import {
  breakers,
  type CircuitBreakerOptions,
  type ConnectMiddleware,
  type ErrorInfo,
} from 'good-gateway'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

const post = (body: string, length = body.length) =>
  `POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`

for (const host of hosts) {
  describe(`${host.name}, the blame for a call`, () => {
    const name = `blame on ${host.name}`
    let upstream: Listening
    let behaviour: RequestListener
    let infos: ErrorInfo[]

    before(async () => {
      upstream = await listen(createServer((req, res) => behaviour(req, res)))
    })
    beforeEach(() => {
      infos = []
      breakers.get(name)?.close()
    })
    after(() => upstream.close())

    interface More extends Omit<Partial<CircuitBreakerOptions>, 'name'> {
      readonly server?: ServerOptions
      readonly parser?: boolean
      readonly bare?: boolean
    }
    let mounted = 0
    /** A circuit of its own, that one failure opens. */
    async function withGateway(
      handler: Handler,
      use: (port: number, state: () => string | undefined) => Promise<void>,
      { server = {}, parser = false, bare = false, ...options }: More = {},
    ): Promise<void> {
      const own = `${name} ${mounted++}`
      const gateway = await host.start({
        use: ({ problemDetails, circuitBreaker, connect: mount }) => [
          problemDetails({ onError: (_error, info) => infos.push(info) }),
          ...(parser ? [mount(express.json() as unknown as ConnectMiddleware)] : []),
          ...(bare ? [] : [circuitBreaker({ name: own, consecutiveFailures: 1, ...options })]),
        ],
        handler,
        server,
      })
      try {
        await use(gateway.port, () => breakers.get(own)?.state)
      } finally {
        await gateway.close()
      }
    }

    const proxy = httpProxy.createProxyServer()
    proxy.on('error', (_error, _req, res) => {
      if ('headersSent' in res && !res.headersSent) res.writeHead(502).end('proxy')
    })
    const proxied: Handler = (req, res) => proxy.web(req, res, { target: upstream.url })

    const oversized: Record<string, (call: () => ReturnType<typeof request>) => Handler> = {
      'destroys the call, then answers': (call) => (_req, res) => {
        call()
          .on('error', () => {})
          .destroy()
        res.writeHead(413).end('too large')
      },
      'answers, then destroys the call': (call) => (_req, res) => {
        const upload = call().on('error', () => {})
        res.writeHead(413).end('too large')
        upload.destroy()
      },
      'destroys the call with an error, and answers for that': (call) => (_req, res) => {
        call()
          .on('error', () => res.writeHead(400).end('broken'))
          .destroy(new Error('Unexpected end of form'))
      },
      'answers when a connection that stands has been destroyed': (call) => (_req, res) => {
        const upload = call().on('error', () => res.writeHead(413).end('too large'))
        upload.on('socket', (socket) =>
          socket.on('connect', () => upload.write('x', () => upload.destroy())),
        )
      },
    }
    for (const [what, handlerOf] of Object.entries(oversized)) {
      it(`an upload that the application rejects does not count: it ${what}`, async () => {
        behaviour = (req) => void req.resume()
        const call = () =>
          request(upstream.url, { method: 'POST', headers: { 'Content-Length': 99 }, agent: false })
        await withGateway(handlerOf(call), async (port, state) => {
          const received = await sendRaw(port, getLine('/'))
          assert.ok(received.status === 413 || received.status === 400, received.head)
          assert.equal(state(), 'closed')
        })
      })
    }

    it('an upload through undici that the application rejects does not count', async () => {
      behaviour = (req) => void req.resume()
      await withGateway(
        async (_req, res) => {
          const body = new PassThrough()
          body.write('{')
          setImmediate(() => body.destroy(createHttpError(413)))
          await undiciRequest(upstream.url, { method: 'POST', body }).catch(() => {})
          res.writeHead(413).end('too large')
        },
        async (port, state) => {
          assert.equal((await sendRaw(port, getLine('/'))).status, 413)
          assert.equal(state(), 'closed')
        },
      )
    })

    it('a call that the upstream breaks counts, also where the application answers 404', async () => {
      behaviour = (req) => void req.socket.destroy()
      await withGateway(
        (_req, res) => {
          request(upstream.url, { agent: false })
            .on('error', () => res.writeHead(404).end('none'))
            .end()
        },
        async (port, state) => {
          assert.equal((await sendRaw(port, getLine('/'))).status, 404)
          assert.equal(state(), 'open')
        },
      )
    })

    for (const [what, options, least] of [
      ['a second after the call began', { timeout: 5000 }, 900],
      ['at a shorter deadline', { timeout: 100 }, 50],
      ['without a circuit breaker', { bare: true }, 900],
    ] as const) {
      it(`a body parser before the proxy is gateway_misconfigured: ${what}`, async () => {
        behaviour = (req, res) => void req.resume().on('end', () => res.end('{}'))
        await withGateway(
          proxied,
          async (port, state) => {
            const started = performance.now()
            const received = await sendRaw(port, post('{"a":1}'))
            assert.deepEqual(
              [received.status, problemIn(received).code],
              [500, 'gateway_misconfigured'],
            )
            assert.ok(performance.now() - started >= least)
            assert.match(infos[0]?.error?.message ?? '', /POST \/up was read before the proxy/)
            if (!('bare' in options)) assert.equal(state(), 'closed')
          },
          { parser: true, ...options },
        )
      })
    }

    it('a body parser before the proxy, on a connection that is used again', async () => {
      behaviour = (req, res) => void req.resume().on('end', () => res.end('{}'))
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      await withGateway(
        (req, res) => proxy.web(req, res, { target: upstream.url, agent }),
        async (port) => {
          assert.equal((await sendRaw(port, getLine('/'))).status, 200)
          const received = await sendRaw(port, post('{"a":1}'))
          assert.equal(problemIn(received).code, 'gateway_misconfigured')
        },
        { parser: true },
      )
      agent.destroy()
    })

    it('a body parser before a proxy that sends the parsed body anew is no mistake', async () => {
      behaviour = (req, res) =>
        void req.resume().on('end', () => setTimeout(() => res.end('{}'), 1200))
      await withGateway(
        (req, res) => {
          const body = JSON.stringify((req as { body?: unknown }).body)
          request(
            upstream.url,
            { method: 'POST', headers: { 'Content-Length': body.length } },
            (answer) => answer.pipe(res),
          ).end(body)
        },
        async (port) => assert.equal((await sendRaw(port, post('{"a":1}'))).status, 200),
        { parser: true },
      )
    })

    it("a 407 is a proxy's of the gateway, and not the answer of the upstream", async () => {
      behaviour = (_req, res) =>
        res.writeHead(407, { 'Proxy-Authenticate': 'Basic realm="corp"' }).end('who are you')
      await withGateway(proxied, async (port, state) => {
        const received = await sendRaw(port, getLine('/'))
        assert.deepEqual(
          [received.status, problemIn(received).code],
          [502, 'gateway_misconfigured'],
        )
        assert.equal(state(), 'closed')
      })
    })

    it('timeout ends at the head of the upstream, though the first byte of its body comes later', async () => {
      behaviour = (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
        setTimeout(() => res.end('data: token\n\n'), 400)
      }
      await withGateway(
        proxied,
        async (port, state) => {
          const received = await sendRaw(port, getLine('/'))
          assert.equal(received.status, 200)
          assert.match(received.body, /data: token/)
          assert.equal(state(), 'closed')
        },
        { timeout: 100 },
      )
    })

    it('then idleTimeout takes over', async () => {
      behaviour = (_req, res) => res.writeHead(200).flushHeaders()
      await withGateway(
        proxied,
        async (port, state) => {
          const received = await sendRaw(port, getLine('/'))
          assert.deepEqual(
            [received.status, problemIn(received).code],
            [504, 'upstream_idle_timeout'],
          )
          assert.equal(state(), 'open')
        },
        { timeout: 100, idleTimeout: 200 },
      )
    })

    it('timeout still ends a second call that hangs, after one that was answered', async () => {
      behaviour = (req, res) => (req.url === '/first' ? res.end('{}') : undefined)
      await withGateway(
        async (req, res) => {
          await fetch(`${upstream.url}/first`).then((answer) => answer.text())
          proxied(req, res)
        },
        async (port) => {
          const received = await sendRaw(port, getLine('/'))
          assert.deepEqual([received.status, problemIn(received).code], [504, 'upstream_timeout'])
        },
        { timeout: 100 },
      )
    })

    const silence = () => {
      behaviour = () => {}
    }
    const closing = async (port: number, text: string): Promise<Received> => sendRaw(port, text)

    for (const [what, handlerOf] of Object.entries<(timeout: number) => Handler>({
      "http-proxy's timeout": (timeout) => (req, res) =>
        proxy.web(req, res, { target: upstream.url, timeout }),
      'server.timeout': (timeout) => (req, res) => {
        req.socket.setTimeout(timeout)
        proxied(req, res)
      },
    })) {
      const handler = handlerOf(100)

      it(`${what}: an upstream that is silent for so long is not a client that left`, async () => {
        silence()
        await withGateway(handler, async (port, state) => {
          await closing(port, getLine('/'))
          await until(() => infos.length > 0)
          assert.deepEqual(
            infos.map(({ code }) => code),
            ['upstream_timeout'],
          )
          assert.equal(state(), 'open')
        })
      })

      it(`${what}: a client that leaves before is one that left`, async () => {
        let isAsked = false
        behaviour = () => {
          isAsked = true
        }
        await withGateway(handlerOf(5000), async (port, state) => {
          const socket = connect(port, '127.0.0.1')
          socket.write(getLine('/'))
          await until(() => isAsked)
          socket.destroy()
          await until(() => infos.length > 0)
          assert.deepEqual(
            infos.map(({ code }) => code),
            ['client_closed_request'],
          )
          assert.equal(state(), 'closed')
        })
      })

      it(`${what}: a body that does not come is the client's, and late`, async () => {
        silence()
        await withGateway(handler, async (port, state) => {
          await closing(port, post('{', 99))
          await until(() => infos.length > 0)
          assert.deepEqual(
            infos.map(({ code }) => code),
            ['request_timeout'],
          )
          assert.equal(state(), 'closed')
        })
      })
    }

    it('server.timeout: a call of undici that has sent the body is no client that left either', async () => {
      behaviour = (req) => void req.resume()
      await withGateway(
        async (req, res) => {
          req.socket.setTimeout(100)
          const headers = { 'content-length': req.headers['content-length'] ?? '' }
          await undiciRequest(upstream.url, { method: 'POST', body: req, headers }).catch(() => {})
          res.end()
        },
        async (port, state) => {
          await closing(port, post('{}'))
          await until(() => infos.length > 0)
          assert.deepEqual(
            infos.map(({ code }) => code),
            ['upstream_timeout'],
          )
          assert.equal(state(), 'open')
        },
      )
    })

    it('requestTimeout: what the server ends is not a client that left', async () => {
      silence()
      await withGateway(
        proxied,
        async (port, state) => {
          const received = await closing(port, post('{', 99))
          assert.match(received.text, /^HTTP\/1\.1 408/)
          await until(() => infos.length > 0)
          assert.deepEqual(
            infos.map(({ code }) => code),
            ['request_timeout'],
          )
          assert.equal(state(), 'closed')
        },
        { server: { requestTimeout: 100, headersTimeout: 100, connectionsCheckingInterval: 20 } },
      )
    })
  })
}
