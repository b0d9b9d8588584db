import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { connect as connectH2, createSecureServer, createServer as createH2 } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import type { Server } from 'node:net'
import { forward, listener, problemDetails } from 'good-gateway'
import { Agent, interceptors, MockAgent, Pool, ProxyAgent } from 'undici'
import { selfSigned } from '../../docs/sample-proxy/certificate.js'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { type Listening, listen } from '../support/servers.js'
import { startTunnels } from '../support/tunnels.js'

const certificate = selfSigned()
const connect = { ca: certificate.cert }

describe('the dispatchers of forward', () => {
  const running: { close(): Promise<unknown> }[] = []

  afterEach(async () => {
    for (const each of running.splice(0).toReversed()) await each.close()
  })

  async function started(server: Server): Promise<Listening> {
    const listening = await listen(server)
    running.push(listening)
    return listening
  }

  async function gatewayOf(options: Parameters<typeof forward>[0]): Promise<Listening> {
    const proxy = forward(options)
    running.push(proxy)
    if (options.dispatcher) running.push(options.dispatcher as Agent)
    return started(createHttp(listener(problemDetails(), proxy)))
  }

  const echo: RequestListener = (req, res) => {
    let body = ''
    req.on('data', (part: Buffer) => (body += part.toString()))
    req.on('end', () => {
      res.setHeader('Set-Cookie', ['a=1', 'b=2'])
      res.end(`${req.method} ${req.url} ${req.headers.host} ${body}`)
    })
  }

  const post =
    'POST /x HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc'

  it('reach an upstream by TLS, under the name of the target', async () => {
    const { port } = await started(createHttps(certificate, echo))
    const target = `https://localhost:${port}`
    const gateway = await gatewayOf({ target, host: 'client', dispatcher: new Agent({ connect }) })
    const answer = await sendRaw(gateway.port, post)
    assert.match(answer.body, /POST \/x gateway abc/)
    const unknown = await gatewayOf({ target })
    assert.equal(problemIn(await sendRaw(unknown.port, post)).code, 'upstream_tls_certificate')
  })

  it('reach an upstream by HTTP/2', async () => {
    const server = createSecureServer({ ...certificate }, echo as never)
    const { port } = await started(server)
    const dispatcher = new Agent({ connect, allowH2: true })
    const gateway = await gatewayOf({ target: `https://localhost:${port}`, dispatcher })
    const answer = await sendRaw(gateway.port, post)
    assert.equal(answer.status, 200, answer.text)
    assert.match(answer.body, /POST \/x undefined abc|POST \/x localhost:\d+ abc/)
    assert.deepEqual(answer.head.match(/^set-cookie: .*$/gim), [
      'set-cookie: a=1',
      'set-cookie: b=2',
    ])
    const chunks =
      'POST /y HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    const streamed = await sendRaw(gateway.port, chunks, '3\r\nabc\r\n', '0\r\n\r\n')
    assert.match(streamed.body, /POST \/y .*abc/)
  })

  it('serve clients of HTTP/2', async () => {
    const upstream = await started(createHttp(echo))
    const proxy = forward({ target: upstream.url })
    running.push(proxy)
    const handle = listener(problemDetails(), proxy)
    const { port } = await started(createH2(handle as never) as unknown as Server)
    const session = connectH2(`http://127.0.0.1:${port}`)
    const call = session.request({ ':method': 'POST', ':path': '/h2', cookie: 'a=1' })
    call.end('abc')
    const [head] = (await once(call, 'response')) as [Record<string, unknown>]
    let text = ''
    for await (const part of call.setEncoding('utf8')) text += part as string
    session.close()
    assert.equal(head[':status'], 200)
    assert.deepEqual(head['set-cookie'], ['a=1', 'b=2'])
    assert.match(text, /POST \/h2 127\.0\.0\.1:\d+ abc/)
  })

  it('may be a pool, or have interceptors', async () => {
    const upstream = await started(
      createHttp((req, res) => {
        if (req.url === '/old') res.writeHead(302, { Location: '/new' }).end()
        else res.end(`at ${req.url}`)
      }),
    )
    const pool = await gatewayOf({ target: upstream.url, dispatcher: new Pool(upstream.url) })
    assert.equal((await sendRaw(pool.port, getLine('/old'))).status, 302)
    const dispatcher = new Agent().compose(interceptors.redirect({ maxRedirections: 2 }))
    const redirecting = await gatewayOf({ target: upstream.url, dispatcher })
    assert.match((await sendRaw(redirecting.port, getLine('/old'))).body, /at \/new/)
  })

  for (const [title, intercept] of [
    ['retry', () => interceptors.retry({ minTimeout: 5, maxRetries: 3 })],
    ['dns', () => interceptors.dns()],
    ['dump', () => interceptors.dump({ maxSize: 100_000 })],
    ['cache', () => interceptors.cache()],
  ] as const)
    it(`may have the interceptor ${title}`, async () => {
      let count = 0
      const upstream = await started(
        createHttp((req, res) => {
          const isFirst = count++ === 0
          if (req.url === '/flaky' && isFirst) return void res.writeHead(503).end()
          echo(req, res)
        }),
      )
      const dispatcher = new Agent().compose(intercept())
      const gateway = await gatewayOf({ target: upstream.url, dispatcher })
      const flaky = await sendRaw(gateway.port, getLine('/flaky'))
      assert.equal(flaky.status, title === 'retry' ? 200 : 503)
      const answer = await sendRaw(gateway.port, post)
      assert.equal(answer.status, 200)
      assert.equal(answer.body.includes('POST /x'), title !== 'dump')
      assert.deepEqual(answer.head.match(/^set-cookie: .*$/gim)?.length, 2)
    })

  it('reach an upstream through a proxy', async () => {
    const upstream = await started(createHttp(echo))
    const tunnels = await startTunnels()
    running.push(tunnels)
    const dispatcher = new ProxyAgent(tunnels.url)
    const gateway = await gatewayOf({ target: upstream.url, dispatcher })
    const answer = await sendRaw(gateway.port, post)
    assert.match(answer.body, /POST \/x 127\.0\.0\.1:\d+ abc/)
    assert.equal(tunnels.count(), 1)
  })

  it('may be a mock', async () => {
    const dispatcher = new MockAgent()
    dispatcher.disableNetConnect()
    dispatcher
      .get('http://orders.test')
      .intercept({ path: '/x', method: 'POST' })
      .reply(201, { made: true }, { headers: { 'content-type': 'application/json' } })
    const gateway = await gatewayOf({ target: 'http://orders.test', dispatcher })
    const answer = await sendRaw(gateway.port, post)
    assert.equal(answer.status, 201, answer.text)
    assert.match(answer.body, /\{"made":true\}/)
  })
})
