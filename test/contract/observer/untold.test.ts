import assert from 'node:assert/strict'
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { connect, createServer as createTcpServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import axios from 'axios'
import express from 'express'
import { problemDetails } from 'good-gateway/express'
import httpProxy from 'http-proxy'
import * as hpm from 'http-proxy-middleware'
import * as hpm2 from 'http-proxy-middleware2'
import * as hpm3 from 'http-proxy-middleware3'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

const postLine = (path: string, body: string) =>
  getLine(path, `Content-Length: ${body.length}`).replace('GET', 'POST') + body

/** Dials by itself and emits what goes wrong on the request, as agent-base 6 and its agents do. */
class EmittingAgent extends Agent {
  addRequest(call: ClientRequest): void {
    const socket = connect(29_999, '127.0.0.1')
    socket.once('error', (error) => call.emit('error', error))
  }
}

let mounted = 0

for (const host of hosts) {
  describe(`${host.name}, errors that no channel tells`, () => {
    let upstream: Listening
    let gateway: Listening
    let told: { code: string; error: string | undefined }[]
    let failures: () => number

    beforeEach(async () => {
      told = []
      upstream = await listen(
        createServer((req, res) => {
          const { pathname } = new URL(req.url ?? '', 'http://upstream')
          req.resume()
          if (pathname === '/circle')
            return res.writeHead(302, { Location: `${upstream.url}/circle` }).end()
          if (pathname === '/nowhere')
            return res.writeHead(302, { Location: 'http://[::1' }).end('there')
          if (pathname === '/moved')
            return res.writeHead(307, { Location: `${upstream.url}/dies` }).end()
          if (pathname === '/dies') {
            res.writeHead(200, { 'Content-Length': 10 }).write('half')
            return setImmediate(() => req.socket.destroy())
          }
          if (pathname === '/large') return res.end('x'.repeat(1000))
          res.end('ok')
        }),
      )
    })
    afterEach(async () => {
      await gateway.close()
      await upstream.close()
    })

    async function start(handler: Handler) {
      gateway = await host.start({
        use: ({ problemDetails: details, circuitBreaker }) => {
          const breaker = circuitBreaker({ name: `untold ${mounted++}`, volumeThreshold: 100 })
          failures = () => breaker.breaker.stats.failures
          const onError = (_: unknown, info: { code: string; error?: { code?: string } }) =>
            void told.push({ code: info.code, error: info.error?.code })
          return [details({ onError }), breaker]
        },
        handler,
      })
    }
    const send = (line: string) => sendRaw(gateway.port, line)

    function proxied(options: httpProxy.ServerOptions): Handler {
      const proxy = httpProxy.createProxyServer({ target: upstream.url, ...options })
      proxy.on('error', (_error, _req, res) => {
        if ('writeHead' in res && !res.headersSent) res.writeHead(500)
        res.end('bare')
      })
      return (req, res) => proxy.web(req, res)
    }

    it('are the cause when an agent emits them on the request', async () => {
      await start(proxied({ agent: new EmittingAgent() }))
      for (const line of [getLine('/'), postLine('/', '{}')])
        assert.equal(problemIn(await send(line)).code, 'upstream_refused')
      await until(() => failures() === 2)
      assert.deepEqual(told[0], { code: 'upstream_refused', error: 'ECONNREFUSED' })
    })

    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const knowsProxies = major >= 24 || (major === 22 && minor >= 21)
    const node = knowsProxies ? '' : ' (n/a: this Node has none)'
    it(`are the cause when an agent of Node gets no tunnel from a proxy${node}`, async () => {
      const refusing = await listen(
        createTcpServer((socket) =>
          socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 407 No\r\n\r\n')),
        ),
      )
      const agent = new TlsAgent({ proxyEnv: { HTTPS_PROXY: refusing.url } } as object)
      await start((req, res) => {
        const call = tlsRequest(`https://127.0.0.1:29999${req.url}`, { agent })
        call.on('error', () => res.writeHead(500).end('bare')).end()
      })
      const { code } = problemIn(await send(getLine('/')))
      assert.equal(code, knowsProxies ? 'gateway_misconfigured' : 'upstream_refused')
      agent.destroy()
      await refusing.close()
    })

    it('count once where the channel tells them too', async () => {
      await start((req, res) => {
        const call = request(upstream.url + req.url, { agent: false, method: 'POST' })
        call.on('error', () => res.headersSent || res.writeHead(500).end('bare'))
        req.pipe(call)
        call.once('socket', (socket) => socket.destroy(new Error('broken on this side')))
      })
      assert.equal(problemIn(await send(postLine('/', '{}'))).status, 502)
      await until(() => told.length > 0)
      assert.equal(told.length, 1)
    })

    it('are the cause when a follower of redirections gives up', async () => {
      await start(proxied({ followRedirects: true }))
      assert.equal(problemIn(await send(getLine('/circle'))).code, 'upstream_error')
      await until(() => failures() === 1)
      assert.equal(told[0]?.error, 'ERR_FR_TOO_MANY_REDIRECTS')
      assert.equal(problemIn(await send(getLine('/nowhere'))).code, 'upstream_protocol_error')
    })

    it('leave the call that a redirection leads to its place', async () => {
      await start(proxied({ followRedirects: true }))
      const { status, body } = await send(getLine('/moved'))
      assert.deepEqual([status, body], [200, 'half'])
      await until(() => failures() === 1)
    })

    it('tell of the limits of a wrapper', async () => {
      await start(async (req, res) => {
        const answer = await axios.request<string>({
          url: upstream.url + req.url,
          method: req.method ?? 'GET',
          data: req.method === 'POST' ? req : undefined,
          maxBodyLength: 10,
          maxContentLength: 100,
        })
        res.end(answer.data)
      })
      assert.equal((await send(postLine('/', 'short'))).status, 200)
      if (host.errors !== 'thrown') return
      assert.equal(problemIn(await send(postLine('/', 'x'.repeat(20)))).code, 'content_too_large')
      assert.equal(problemIn(await send(getLine('/large'))).code, 'upstream_response_too_large')
      await until(() => told.length === 2)
      assert.equal(failures(), 0)
    })
  })
}

interface Interceptor {
  readonly name: string
  mount(target: string): express.RequestHandler
}

/** What each version of http-proxy-middleware gives to change a body. */
const interceptors: readonly Interceptor[] = [
  {
    name: 'http-proxy-middleware 4',
    mount: (target) =>
      hpm.createProxyMiddleware({
        target,
        selfHandleResponse: true,
        on: { proxyRes: hpm.responseInterceptor(async (body) => body) },
      }),
  },
  {
    name: 'http-proxy-middleware 3',
    mount: (target) =>
      hpm3.createProxyMiddleware({
        target,
        selfHandleResponse: true,
        on: { proxyRes: hpm3.responseInterceptor(async (body) => body) },
      }) as express.RequestHandler,
  },
  {
    name: 'http-proxy-middleware 2',
    mount: (target) =>
      hpm2.createProxyMiddleware({
        target,
        logLevel: 'silent',
        selfHandleResponse: true,
        onProxyRes: hpm2.responseInterceptor(async (body) => body),
      }) as unknown as express.RequestHandler,
  },
]

for (const { name, mount } of interceptors) {
  describe(`the response interceptor of ${name}`, () => {
    let upstream: Listening
    let gateway: Listening
    const whole = gzipSync('whole '.repeat(1000))

    beforeEach(async () => {
      upstream = await listen(
        createServer((req, res) => {
          const isZipped = req.url?.includes('zipped') === true
          if (isZipped) res.setHeader('Content-Encoding', 'gzip')
          const bytes = isZipped ? whole : Buffer.from('whole')
          if (req.url?.startsWith('/whole')) return res.end(bytes)
          res.setHeader('Content-Length', bytes.length)
          res.write(bytes.subarray(0, 3))
          setImmediate(() =>
            req.socket[req.url?.includes('reset') ? 'resetAndDestroy' : 'destroy'](),
          )
        }),
      )
      const app = express().set('env', 'test').use(problemDetails()).use(mount(upstream.url))
      gateway = await listen(createServer(app))
    })
    afterEach(async () => {
      await gateway.close()
      await upstream.close()
    })

    for (const path of ['/dies', '/dies/reset', '/dies/zipped', '/dies/zipped/reset']) {
      it(`never answers 200 with an error's text, nor not at all: ${path}`, async () => {
        const received = await sendRaw(gateway.port, getLine(path))
        assert.equal(problemIn(received).code, 'upstream_response_incomplete')
      })
    }

    it('passes what is whole', async () => {
      for (const path of ['/whole', '/whole/zipped']) {
        const { status, body } = await sendRaw(gateway.port, getLine(path))
        assert.deepEqual([status, body.includes('whole')], [200, true])
      }
    })
  })
}
