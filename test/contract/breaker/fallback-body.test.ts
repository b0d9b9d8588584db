import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { ReadableStream } from 'node:stream/web'
import httpProxy from 'http-proxy'
import { createProxyServer } from 'httpxy'
import type { CircuitBreakerOptions } from 'good-gateway'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { dechunk, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

type Forward = (req: IncomingMessage, res: ServerResponse, target: string) => unknown

const classic = httpProxy.createProxyServer()
const modern = createProxyServer()
const fail = (res: ServerResponse) => res.headersSent || res.writeHead(502).end('proxy')
classic.on('error', (_error, _req, res) => void fail(res as ServerResponse))

const proxies: Record<string, Forward> = {
  'http-proxy': (req, res, target) => classic.web(req, res, { target }),
  httpxy: async (req, res, target) => modern.web(req, res, { target }).catch(() => fail(res)),
  'http.request': (req, res, target) => {
    const { method, headers } = req
    const call = request(target + (req.url ?? ''), { method, headers, agent: false }, (answer) =>
      answer.pipe(res),
    )
    req.pipe(call.on('error', () => fail(res)))
  },
  fetch: async (req, res, target) => {
    const answer = await fetch(target + req.url, {
      method: 'POST',
      body: Readable.toWeb(req) as ReadableStream,
      duplex: 'half',
    } as RequestInit).catch(() => undefined)
    if (answer === undefined) return fail(res)
    return res.end(await answer.text())
  },
}

for (const host of hosts) {
  describe(`${host.name}, the body that a fallback gets`, () => {
    let upstream: Listening
    let second: Listening
    let mounted = 0

    before(async () => {
      upstream = await listen(
        createServer((req) => {
          if (req.url === '/reset') req.socket.resetAndDestroy()
          else req.resume()
        }),
      )
      second = await listen(
        createServer((req, res) => {
          void text(req).then((body) => res.end(`second: ${req.method} ${body}`))
        }),
      )
    })
    after(async () => {
      await upstream.close()
      await second.close()
    })

    async function send(
      forward: Forward,
      path: string,
      packets: readonly string[],
      options: Partial<CircuitBreakerOptions> & { validates?: boolean } = {},
    ) {
      const { validates = false, ...more } = options
      const gateway = await host.start({
        use: ({ problemDetails, validate, circuitBreaker }) => [
          problemDetails(),
          ...(validates ? [validate({ body: {} })] : []),
          circuitBreaker({
            name: `fallback body on ${host.name} ${mounted++}`,
            timeout: 150,
            volumeThreshold: 1e6,
            fallback: ({ req, res }) => proxies['http.request']?.(req, res, second.url),
            ...more,
          }),
        ],
        handler: (req, res) => forward(req, res, path === '/refused' ? nobody.url : upstream.url),
      })
      try {
        return await sendRaw(gateway.port, ...packets)
      } finally {
        await gateway.close()
      }
    }

    const head = (path: string, framing: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`
    const bodies: Record<string, (path: string) => string[]> = {
      JSON: (path) => [`${head(path, 'Content-Length: 7')}{"a":1}`],
      'a stream': (path) => [
        head(path, 'Transfer-Encoding: chunked'),
        '3\r\n{"a\r\n',
        '4\r\n":1}\r\n',
        '0\r\n\r\n',
      ],
    }

    for (const [name, forward] of Object.entries(proxies))
      for (const path of ['/refused', '/hang', '/reset'])
        for (const [kind, packets] of Object.entries(bodies))
          for (const validates of [false, true])
            it(`${name}, ${path}, ${kind}${validates ? ', checked before' : ''}: is unread`, async () => {
              const received = await send(forward, path, packets(path), { validates })
              assert.equal(received.status, 200, received.text)
              const { text: body } = dechunk(received.body)
              assert.equal(body || received.body, 'second: POST {"a":1}')
            })

    it('over bufferLimit the fallback is not asked', async () => {
      for (const packets of Object.values(bodies)) {
        const received = await send(proxies['http-proxy'] as Forward, '/reset', packets('/reset'), {
          bufferLimit: 6,
        })
        assert.equal(problemIn(received).code, 'upstream_connection_lost')
      }
    })
  })
}
