import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { text } from 'node:stream/consumers'
import type { ProblemDetailsOptions } from 'good-gateway'
import httpProxy from 'http-proxy'
import * as httpProxy3 from 'http-proxy-3'
import * as httpxy from 'httpxy'
import { request as undiciRequest } from 'undici'
import { createHttpProxy } from '../../../docs/sample-proxy/forward.js'
import { type Api, hosts, throwing } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

type Forward = (req: IncomingMessage, res: ServerResponse, target: string) => unknown

const failed = (_error: Error, _req: unknown, res: unknown) =>
  (res as ServerResponse).writeHead(500).end()

const byRequest: Forward = (req, res, target) => {
  const { method = 'GET', headers } = req
  const call = request(target, { method, headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers)
    answer.pipe(res)
  })
  req.pipe(call.on('error', () => res.headersSent || res.writeHead(500).end()))
}

const forwards: Record<string, Forward> = {
  'http-proxy': createHttpProxy(),
  'http-proxy-3': (req, res, target) => {
    const proxy = httpProxy3.createProxyServer({ target })
    proxy.on('error', failed)
    proxy.web(req, res)
  },
  httpxy: (req, res, target) => {
    const proxy = httpxy.createProxyServer({ target })
    proxy.on('error', failed)
    return proxy.web(req, res)
  },
  'http.request and pipe': byRequest,
}

/** Some more that lose the framing of a request. */
const losing: Record<string, Forward> = {
  ...forwards,
  'http-proxy that follows redirections': (req, res, target) => {
    const proxy = httpProxy.createProxyServer({ target, followRedirects: true })
    proxy.on('error', failed)
    proxy.web(req, res)
  },
  // As RFC 9110, section 7.6.1 has it: they are fields of one connection.
  'http.request without the fields of the connection': (req, res, target) => {
    const { connection: _c, 'transfer-encoding': _t, trailer: _r, ...headers } = req.headers
    const call = request(target, { method: req.method ?? '', headers }, (answer) =>
      answer.pipe(res),
    )
    req.pipe(call.on('error', () => res.destroy()))
  },
  'http.request without fields, and pipeline': (req, res, target) => {
    const call = request(target, { method: req.method ?? '' }, (answer) => answer.pipe(res))
    pipeline(req, call, (error) => error && res.destroy())
  },
}

/** An upstream that sends these bytes and closes. */
const speaking = (bytes: string | Buffer): Promise<Listening> =>
  listen(
    createTcpServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(bytes))
    }),
  )

const head = (line: string, ...fields: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: a', 'Connection: close', ...fields, '', ''].join('\r\n')

const CHUNKED = '5\r\nhello\r\n0\r\n\r\n'
const chunksWithTrailer = '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'

const messages: Record<string, string> = {
  'a GET that announces trailers': head('GET /', 'Trailer: X-Sum'),
  'a POST with a length that announces trailers': `${head('POST /', 'Trailer: X-Sum', 'Content-Length: 5')}hello`,
  'chunks with trailers':
    head('POST /', 'Trailer: X-Sum', 'Transfer-Encoding: chunked') + chunksWithTrailer,
  'a chunked GET': head('GET /', 'Transfer-Encoding: chunked') + CHUNKED,
  'a GET with a length': `${head('GET /', 'Content-Length: 5')}hello`,
  'a chunked DELETE': head('DELETE /', 'Transfer-Encoding: chunked') + CHUNKED,
  'a chunked OPTIONS': head('OPTIONS /', 'Transfer-Encoding: chunked') + CHUNKED,
  'a chunked DELETE with trailers':
    head('DELETE /', 'Trailer: X-Sum', 'Transfer-Encoding: chunked') + chunksWithTrailer,
  'a length that the connection lists': `${head('POST /', 'Content-Length: 5').replace('close', 'close, content-length')}hello`,
  'chunks that the connection lists':
    head('POST /', 'Transfer-Encoding: chunked').replace('close', 'Transfer-Encoding, close') +
    CHUNKED,
}

const mountings: Record<string, (api: Api) => object[]> = {
  problemDetails: ({ problemDetails }) => [problemDetails()],
  'a breaker alone': ({ circuitBreaker }) => [
    circuitBreaker({ name: 'framing', volumeThreshold: 1e6 }),
  ],
  'a report': ({ problemDetails, validate }) => [
    problemDetails(),
    validate({ body: { type: 'number' } }, { mode: 'report' }),
  ],
  'a schema of the query': ({ validate }) => [validate({ query: {} })],
  'a report alone': ({ validate }) => [validate({ body: {} }, { mode: 'report' })],
  routes: ({ routes }) => [routes({})],
}

for (const host of hosts)
  describe(`${host.name}, the framing of a request`, () => {
    let upstream: Listening
    let seen: string[] = []
    before(async () => {
      upstream = await listen(
        createServer(async (req, res) => {
          seen.push(`${req.method} ${await text(req)}`)
          res.end('ok')
        }),
      )
    })
    after(() => upstream.close())

    for (const [proxy, forward] of Object.entries(losing))
      for (const [what, mounted] of Object.entries(mountings))
        it(`survives ${proxy} behind ${what}`, async () => {
          const { port, close } = await host.start({
            use: mounted,
            handler: (req, res) => forward(req, res, upstream.url),
          })
          for (const [title, message] of Object.entries(messages)) {
            seen = []
            const received = await sendRaw(port, message)
            const method = message.slice(0, message.indexOf(' '))
            const body = title.startsWith('a GET that') ? '' : 'hello'
            assert.deepEqual([title, received.status, seen], [title, 200, [`${method} ${body}`]])
          }
          await close()
        })

    for (const [proxy, forward] of Object.entries(losing))
      it(`is kept for a large body in chunks, which nobody reads before ${proxy}`, async () => {
        const { port, close } = await host.start({
          use: mountings['problemDetails'] ?? (() => []),
          handler: (req, res) => forward(req, res, upstream.url),
        })
        const half = 'x'.repeat(1e6)
        const chunk = `${half.length.toString(16)}\r\n${half}\r\n`
        for (const method of ['DELETE', 'OPTIONS']) {
          seen = []
          const line = head(`${method} /`, 'Transfer-Encoding: chunked')
          const received = await sendRaw(port, line, chunk, `${chunk}0\r\n\r\n`)
          assert.equal(received.status, 200)
          assert.deepEqual(
            seen.map((each) => each.length),
            [`${method} `.length + 2e6],
          )
        }
        await close()
      })

    it('leaves the limit of a chunked DELETE to the schema of its body', async () => {
      const array = `[${'1,'.repeat(6e5)}1]`
      const chunk = `${array.length.toString(16)}\r\n${array}\r\n0\r\n\r\n`
      const fields = ['Transfer-Encoding: chunked', 'Content-Type: application/json']
      const ask = async (limit: string, ...packets: string[]) => {
        const { port, close } = await host.start({
          use: ({ problemDetails, validate }) => [
            problemDetails(),
            validate({ body: { type: 'array' } }, { limit }),
          ],
          handler: (req, res) => byRequest(req, res, upstream.url),
        })
        seen = []
        const received = await sendRaw(port, head('DELETE /', ...fields), ...packets)
        await close()
        return received
      }
      assert.equal((await ask('2mb', chunk)).status, 200)
      assert.deepEqual(seen, [`DELETE ${array}`])
      const refused = problemIn(await ask('1kb', chunk))
      assert.match(refused.detail, /at most 1024 bytes/)
      assert.deepEqual(seen, [])
    })
  })

for (const host of throwing)
  describe(`${host.name}, what Node parses and does not write`, () => {
    const codes: string[] = []
    async function ask(
      forward: Forward,
      bytes: string | Buffer,
      line = head('GET /'),
      options: ProblemDetailsOptions = {},
    ) {
      codes.length = 0
      const upstream = await speaking(bytes)
      const { port, close } = await host.start({
        use: ({ problemDetails }) => [
          problemDetails({ ...options, onError: (error) => void codes.push(error.code) }),
        ],
        handler: (req, res) => forward(req, res, upstream.url),
      })
      const received = await sendRaw(port, line)
      await Promise.all([close(), upstream.close()])
      return received
    }

    for (const [name, forward] of Object.entries(forwards)) {
      it(`a reason phrase becomes the standard one, through ${name}`, async () => {
        const received = await ask(forward, 'HTTP/1.1 404 No\x01pe\r\nContent-Length: 2\r\n\r\nhi')
        assert.match(received.head, /^HTTP\/1\.1 404 Not Found/)
        assert.equal(received.body, 'hi')
      })

      it(`trailers without chunks are not announced, through ${name}`, async () => {
        const received = await ask(
          forward,
          'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nhi',
        )
        assert.deepEqual([received.status, received.body], [200, 'hi'])
        assert.equal(fieldOf(received.head, 'trailer'), undefined)
      })

      for (const [who, line] of [
        ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'],
        ['HEAD', head('HEAD /')],
      ] as const)
        it(`trailers are not announced to ${who}, through ${name}`, async () => {
          const chunks = who === 'HEAD' ? '' : chunksWithTrailer
          const received = await ask(
            forward,
            `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
            line,
          )
          assert.equal(received.status, 200)
        })
    }

    it('a field that only a lenient parser lets pass is the fault of the upstream', async () => {
      const bytes = 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 2\r\n\r\nhi'
      const received = await ask(lenient, bytes)
      assert.deepEqual(
        [received.status, problemIn(received).code],
        [502, 'upstream_protocol_error'],
      )
    })

    for (const by of ['an object', 'an array'])
      it(`a field in UTF-8 that a library has decoded is the fault of the upstream: ${by}`, async () => {
        const bytes = Buffer.from('HTTP/1.1 200 OK\r\nX-A: 日本\r\nContent-Length: 2\r\n\r\nhi')
        const received = await ask(async (_req, res, target) => {
          const answer = await undiciRequest(target)
          const value = Buffer.from(String(answer.headers['x-a']), 'latin1').toString('utf8')
          const fields = { 'X-A': value }
          // In an event listener, where nobody catches.
          setImmediate(() => {
            res.writeHead(200, by === 'an object' ? fields : Object.entries(fields).flat())
            answer.body.pipe(res)
          })
          await new Promise((resolve) => res.once('close', resolve))
        }, bytes)
        assert.deepEqual([received.status, codes], [502, ['upstream_protocol_error']])
      })

    it('a field of its own is the fault of the application', async () => {
      const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
      const behindCall = await ask(async (_req, res, target) => {
        await (await fetch(target)).text()
        setImmediate(() => res.writeHead(200, { 'X-A': '日本' }).end('never'))
        await new Promise((resolve) => res.once('close', resolve))
      }, bytes)
      assert.deepEqual([behindCall.status, codes], [500, ['gateway_misconfigured']])
      const withoutCall = await ask((_req, res) => {
        res.writeHead(200, { 'X-A': '日本' }).end('never')
      }, bytes)
      assert.deepEqual([withoutCall.status, codes], [500, ['gateway_misconfigured']])
    })

    it('fields that are not latin1 are wrapped, over fetch', async () => {
      const bytes = Buffer.from(
        'HTTP/1.1 503 No\r\nRateLimit: 日本\r\nRetry-After: 3\r\nAccess-Control-Allow-Origin: é日\r\nContent-Length: 2\r\n\r\nhi',
      )
      const received = await ask(
        async (_req, res, target) => {
          const answer = await fetch(target)
          res.writeHead(answer.status, [...answer.headers].flat())
          Readable.fromWeb(answer.body as ReadableStream).pipe(res)
        },
        bytes,
        head('GET /'),
        { upstreamErrors: 'wrap' },
      )
      assert.deepEqual([received.status, codes], [503, ['upstream_overloaded']])
      assert.ok(dechunk(received.body))
    })
  })

const lenient: Forward = (_req, res, target) => {
  const call = request(target, { insecureHTTPParser: true }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(res)
  })
  call.on('error', () => res.headersSent || res.writeHead(500).end()).end()
}
