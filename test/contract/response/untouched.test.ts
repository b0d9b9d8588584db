import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type RequestListener, request } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import { createForward, createHttpProxy } from '../../../docs/sample-proxy/forward.js'
import { type Api, hosts } from '../../support/hosts.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

const LONG = JSON.stringify({ own: 'x'.repeat(4000) })

/** Answers of an application, of which not a byte may change. */
const answers: Record<string, RequestListener> = {
  'a 200 with a length': (_req, res) => res.writeHead(200, { 'Content-Length': 2 }).end('ok'),
  'a chunked 200': (_req, res) => {
    res.write('one')
    res.end('two')
  },
  'a JSON error of its own': (_req, res) =>
    res.writeHead(500, { 'Content-Type': 'application/json' }).end('{"own":"error"}'),
  'a problem of its own': (_req, res) =>
    res.writeHead(503, { 'Content-Type': 'application/problem+json' }).end('{"title":"own"}'),
  'a 404 page of its own': (_req, res) =>
    res.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>Not here</h1>'),
  'a 204': (_req, res) => res.writeHead(204).end(),
  'a 304': (_req, res) => res.writeHead(304, { ETag: '"1"' }).end(),
  'a 206': (_req, res) =>
    res.writeHead(206, { 'Content-Range': 'bytes 0-1/10', 'Content-Length': 2 }).end('ab'),
  'two cookies by setHeader': (_req, res) => {
    res.setHeader('Set-Cookie', ['a=1', 'b=2'])
    res.end('ok')
  },
  'two cookies by a flat list': (_req, res) => {
    res.writeHead(500, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'] as never).end('own')
  },
  'early hints': (_req, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    res.writeHead(200, { 'Content-Length': 2 }).end('ok')
  },
  trailers: ({ method }, res) => {
    if (method === 'GET') res.writeHead(200, { Trailer: 'X-Sum' })
    res.write('body')
    res.addTrailers({ 'X-Sum': '1' })
    res.end()
  },
  'flushed headers': (_req, res) => {
    res.statusCode = 502
    res.flushHeaders()
    res.end('own')
  },
  'a reason phrase': (_req, res) => res.writeHead(500, 'Own Words').end(),
  'an error that is compressed inside': (req, res) =>
    compression()(req as never, res as never, () => {
      res.writeHead(500, { 'Content-Type': 'application/json' }).end(LONG)
    }),
}

/** The bytes on the wire, but for the time. */
const bytesOf = (text: string): string => text.replace(/^date: .*$/im, '')

for (const host of hosts) {
  describe(`${host.name}, what does not concern the gateway`, () => {
    let closedPort: string

    before(async () => {
      closedPort = nobody.url
    })

    const mount = ({ problemDetails, validate, circuitBreaker }: Api) => [
      problemDetails(),
      validate({ body: {} }),
      circuitBreaker({ name: `untouched on ${host.name}` }),
    ]

    async function using<T>(server: Promise<Listening>, work: (port: number) => Promise<T>) {
      const { port, close } = await server
      return work(port).finally(close)
    }

    for (const [title, handler] of Object.entries(answers)) {
      for (const method of ['GET', 'HEAD']) {
        it(`${title} goes out as it does without us, for ${method}`, async () => {
          const line = getLine('/', 'Accept-Encoding: gzip').replace('GET', method)
          const bare = await using(host.start({ use: () => [], handler }), (port) =>
            sendRaw(port, line),
          )
          const guarded = await using(host.start({ use: mount, handler }), (port) =>
            sendRaw(port, line),
          )
          assert.equal(bytesOf(guarded.text), bytesOf(bare.text))
        })
      }
    }

    it('a failed sub-call is forgotten when the upstream answers', async () => {
      const upstream = await listen(createServer((_req, res) => res.end('real')))
      const forward = createForward()
      const gateway = host.start({
        use: mount,
        async handler(req, res) {
          await once(get(closedPort), 'error')
          forward(req, res, upstream.url)
        },
      })
      const received = await using(gateway, (port) => sendRaw(port, getLine('/')))
      await upstream.close()
      assert.deepEqual([received.status, received.body.includes('real')], [200, true])
    })

    for (const place of ['outside', 'inside'] as const) {
      it(`a standard body is whole where compression is mounted ${place}`, async () => {
        const forward = createHttpProxy()
        const compress = compression({ threshold: 0 }) as never
        const gateway = host.start({
          use: (api) =>
            place === 'outside'
              ? [api.connect(compress), ...mount(api)]
              : [...mount(api), api.connect(compress)],
          handler: (req, res) => forward(req, res, closedPort),
        })
        await using(gateway, async (port) => {
          const asked = request({ port, headers: { 'Accept-Encoding': 'gzip' } }).end()
          const [answer] = (await once(asked, 'response')) as [
            NodeJS.ReadableStream & { headers: Record<string, string> },
          ]
          const chunks: Buffer[] = []
          for await (const chunk of answer) chunks.push(chunk as Buffer)
          const zipped = answer.headers['content-encoding'] === 'gzip'
          assert.equal(zipped, place === 'outside')
          const body = Buffer.concat(chunks)
          const problem = JSON.parse((zipped ? gunzipSync(body) : body).toString()) as {
            code: string
          }
          assert.equal(problem.code, 'upstream_refused')
        })
      })
    }

    it('a download of 50 MB waits for a slow client instead of filling the memory', async () => {
      const SIZE = 50 * 1024 * 1024
      const part = Buffer.alloc(64 * 1024)
      const upstream = await listen(
        createServer(async (_req, res) => {
          res.writeHead(200, { 'Content-Length': SIZE })
          for (let sent = 0; sent < SIZE; sent += part.length) {
            if (!res.write(part)) await once(res, 'drain')
          }
          res.end()
        }),
      )
      const forward = createForward()
      let buffered = () => 0
      const gateway = host.start({
        use: mount,
        handler(req, res) {
          buffered = () => res.writableLength
          forward(req, res, upstream.url)
        },
      })
      await using(gateway, async (port) => {
        const [answer] = (await once(get({ port }), 'response')) as [NodeJS.ReadableStream]
        let [received, most] = [0, 0]
        for await (const chunk of answer) {
          received += chunk.length
          most = Math.max(most, buffered())
          await setImmediate()
        }
        assert.equal(received, SIZE)
        assert.ok(most < 1024 * 1024, `${most} bytes were waiting`)
      })
      await upstream.close()
    })
  })
}
