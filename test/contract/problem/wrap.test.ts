import assert from 'node:assert/strict'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { breakers, type ProblemDetailsOptions } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn, proxyStatusIn } from '../../support/problem.js'
import { dechunk, getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Proxy = (req: IncomingMessage, res: ServerResponse, target: string) => unknown

const forward = createForward()
const agent = new Agent({ keepAlive: true })

/** Without the fields that are about one connection. */
const endToEnd = (fields: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(
    Object.entries(fields).filter(([name]) => !/^(?:connection|keep-alive)$/.test(name)),
  )

/** The ways in which proxies pass a head and a body on. */
const proxies: Record<string, Proxy> = {
  'http-proxy': forward,
  'pipe with writeHead': (req, res, target) => {
    request(target + req.url, { method: req.method, agent }, (answer) => {
      res.writeHead(answer.statusCode ?? 0, endToEnd(answer.headers))
      answer.pipe(res)
    }).end()
  },
  fetch: async (req, res, target) => {
    const answer = await fetch(target + req.url, { method: req.method ?? 'GET' })
    res.writeHead(answer.status, endToEnd(Object.fromEntries(answer.headers)))
    if (answer.body === null) return res.end()
    // Without a listener the death of the upstream would be an uncaught exception, bare or guarded.
    const body = Readable.fromWeb(answer.body as ReadableStream).on('error', () => {})
    return body.pipe(res)
  },
}

for (const host of hosts) {
  for (const [title, proxy] of Object.entries(proxies)) {
    describe(`${host.name}, ${title}, an upstream's own errors wrapped`, () => {
      after(() => agent.destroy())
      const name = `wrapped on ${host.name}, ${title}`

      async function ask(
        upstreamListener: RequestListener,
        options: ProblemDetailsOptions = { upstreamErrors: 'wrap' },
        line = getLine('/orders?secret=1'),
      ): Promise<Received> {
        const upstream = await listen(createServer(upstreamListener))
        const gateway = await host.start({
          use: ({ problemDetails, circuitBreaker }) => [
            problemDetails(options),
            circuitBreaker({ name }),
          ],
          handler: (req, res) => proxy(req, res, upstream.url),
        })
        try {
          return await sendRaw(gateway.port, line)
        } finally {
          await gateway.close()
          await upstream.close()
          breakers.get(name)?.close()
        }
      }

      const statuses: [status: number, code: string, retryable: boolean][] = [
        [429, 'upstream_rate_limited', true],
        [500, 'upstream_error', true],
        [501, 'upstream_error', true],
        [502, 'upstream_error', true],
        [503, 'upstream_overloaded', true],
        [529, 'upstream_overloaded', true],
        [599, 'upstream_error', true],
      ]
      for (const [status, code, retryable] of statuses) {
        it(`answers ${status} as ${code} with the same status`, async () => {
          const received = await ask((_req, res) => {
            res.writeHead(status, { 'Content-Type': 'text/html', ETag: '"1"', Server: 'inside-7' })
            res.end('<h1>stack at /srv/app.js</h1>')
          })
          const problem = problemIn(received)
          assert.deepEqual(
            [received.status, problem.code, problem.retryable, problem.upstream],
            [status, code, retryable, { name, status }],
          )
          assert.deepEqual(proxyStatusIn(received.head), [
            { name: 'gateway', parameters: { 'received-status': status } },
          ])
          assert.doesNotMatch(received.text, /srv|inside-7|etag/i)
        })
      }

      it('keeps the wait, the rate limits, CORS and Proxy-Status of the upstream', async () => {
        const received = await ask((_req, res) => {
          res.writeHead(429, {
            'Retry-After': '7',
            RateLimit: '"default";r=0;t=7',
            'RateLimit-Policy': '"default";q=10;w=60',
            'X-RateLimit-Remaining': '0',
            'Access-Control-Allow-Origin': '*',
            'Proxy-Status': 'inner;error=http_request_denied',
            'X-Internal': 'node-7',
          })
          res.end('{"error":"too many"}')
        })
        assert.equal(problemIn(received).retry_after, 7)
        assert.deepEqual(
          [
            'ratelimit',
            'ratelimit-policy',
            'x-ratelimit-remaining',
            'access-control-allow-origin',
          ].map((field) => fieldOf(received.head, field)),
          ['"default";r=0;t=7', '"default";q=10;w=60', '0', '*'],
        )
        assert.deepEqual(
          proxyStatusIn(received.head).map((member) => member.name),
          ['inner', 'gateway'],
        )
        assert.doesNotMatch(received.head, /node-7/)
      })

      it('passes a problem of the upstream as it is', async () => {
        const body = '{ "type": "https://example.com/probs/full", "title": "Full" }'
        const received = await ask((_req, res) => {
          res.writeHead(503, {
            'Content-Type': 'application/Problem+JSON; charset=utf-8',
            'Content-Length': body.length,
          })
          res.end(body)
        })
        assert.deepEqual([received.status, received.body], [503, body])
        assert.equal(fieldOf(received.head, 'proxy-status'), undefined)
      })

      for (const status of [200, 304, 400, 404]) {
        it(`passes ${status} as it is`, async () => {
          const received = await ask((_req, res) => res.writeHead(status).end())
          assert.equal(received.status, status)
          assert.equal(fieldOf(received.head, 'proxy-status'), undefined)
        })
      }

      it('passes all of it by default', async () => {
        const received = await ask(
          (_req, res) => res.writeHead(500, { 'Content-Length': 3 }).end('own'),
          {},
        )
        assert.deepEqual([received.status, received.body], [500, 'own'])
      })

      it('gives a HEAD request the head alone', async () => {
        const received = await ask(
          (_req, res) => res.writeHead(500, { 'Content-Length': 1000 }).end(),
          { upstreamErrors: 'wrap' },
          getLine('/').replace('GET', 'HEAD'),
        )
        assert.deepEqual([received.status, received.body], [500, ''])
        assert.equal(fieldOf(received.head, 'content-type'), 'application/problem+json')
      })

      it('answers at once where the body of the upstream never ends, and aborts the call', async () => {
        let left = false
        const upstream = await listen(
          createServer((_req, res) => {
            res.once('close', () => (left = true))
            res.writeHead(500, { 'Content-Type': 'text/event-stream' })
            const beat = setInterval(() => res.write('data: x\n\n'), 5)
            res.once('close', () => clearInterval(beat))
          }),
        )
        const gateway = await host.start({
          use: ({ problemDetails }) => [problemDetails({ upstreamErrors: 'wrap' })],
          handler: (req, res) => proxy(req, res, upstream.url),
        })
        const received = await sendRaw(gateway.port, getLine('/'))
        assert.equal(problemIn(received).code, 'upstream_error')
        await until(() => left)
        await gateway.close()
        await upstream.close()
      })

      it('survives an upstream that breaks off in the body that is dropped', async () => {
        const received = await ask((_req, res) => {
          res.writeHead(500, { 'Content-Length': 1000 }).write('part', () => res.destroy())
        })
        assert.equal(problemIn(received).code, 'upstream_error')
        const next = await ask((_req, res) => res.end('ok'))
        assert.equal(next.status, 200)
      })

      // http-proxy closes its connections by default, and a body of fetch is its reader's alone.
      const pooled = title === 'pipe with writeHead'
      const once = pooled ? it : () => undefined
      once('uses one connection for many wrapped answers', async () => {
        const upstream = await listen(
          createServer((_req, res) => res.writeHead(503).end('x'.repeat(50_000))),
        )
        let most = 0
        const gateway = await host.start({
          use: ({ problemDetails }) => [problemDetails({ upstreamErrors: 'wrap' })],
          handler: (req, res) => {
            most = Math.max(most, upstream.connections())
            return proxy(req, res, upstream.url)
          },
        })
        for (let round = 0; round < 10; round++) {
          assert.equal((await sendRaw(gateway.port, getLine('/'))).status, 503)
        }
        await gateway.close()
        await upstream.close()
        assert.equal(most, 1)
      })

      it('lets intercept decide first, either way', async () => {
        const failing: RequestListener = (_req, res) => res.writeHead(500).end('own')
        const kept = await ask(failing, { upstreamErrors: 'wrap', intercept: () => false })
        assert.deepEqual([kept.status, dechunk(kept.body).text], [500, 'own'])
        const absent = await ask((_req, res) => res.writeHead(404).end('own'), {
          intercept: () => true,
        })
        assert.deepEqual(
          [absent.status, problemIn(absent).upstream?.status, problemIn(absent).retryable],
          [404, 404, false],
        )
        const good = await ask((_req, res) => res.writeHead(200).end('own'), {
          intercept: () => true,
        })
        assert.deepEqual([good.status, problemIn(good).code], [502, 'upstream_error'])
      })
    })
  }
}
