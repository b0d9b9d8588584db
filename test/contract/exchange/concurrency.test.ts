import assert from 'node:assert/strict'
import { Agent, createServer, get, type RequestListener } from 'node:http'
import httpProxy from 'http-proxy'
import { Agent as UndiciAgent, request as undiciRequest } from 'undici'
import { hosts } from '../../support/hosts.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

/** Ways in which the upstream treats a request, each over kept-alive connections that others share. */
const upstream: Record<string, RequestListener> = {
  ok: (req, res) => res.end(`ok ${req.url}`),
  unavailable: (req, res) => res.writeHead(503).end(`busy ${req.url}`),
  reset: (req) => req.socket.resetAndDestroy(),
  'hang-up': (req) => req.socket.end(),
  garbage: (req) => req.socket.end('garbage\r\n\r\n'),
  overflow: (req) => req.socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
  truncated: (req) => req.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart'),
  hang: () => {},
}

const expected: Record<string, (received: Received, path: string) => void> = {
  ok: ({ status, body }, path) => assert.deepEqual([status, body], [200, `ok ${path}`]),
  unavailable: ({ status, body }, path) => assert.deepEqual([status, body], [503, `busy ${path}`]),
  reset: codeIs('upstream_connection_lost'),
  'hang-up': codeIs('upstream_connection_lost'),
  garbage: codeIs('upstream_protocol_error'),
  overflow: codeIs('upstream_headers_too_large'),
  truncated: ({ status, body }) => assert.deepEqual([status, body], [200, 'part']),
  hang: codeIs('upstream_timeout'),
}

function codeIs(code: string) {
  return ({ body }: Received, path: string) =>
    assert.equal((JSON.parse(body) as { code: string }).code, code, path)
}

const REQUESTS = 200
const SOCKETS = 8
const kinds = Object.keys(upstream)

/** Proxies with a bounded pool each, so that requests wait for, and reuse, the connections of others. */
function proxies(target: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS })
  const dispatcher = new UndiciAgent({ connections: SOCKETS })
  const proxy = httpProxy.createProxyServer({ target, agent })
  proxy.on('error', (_error, _req, res) => {
    if ('writeHead' in res) res.writeHead(500)
    res.end()
  })
  const listeners: Record<string, RequestListener> = {
    'http-proxy': (req, res) => proxy.web(req, res),
    'http.get and pipe': (req, res) => {
      get(target + req.url, { agent }, (answer) => {
        res.writeHead(answer.statusCode ?? 0)
        answer.on('error', () => {}).pipe(res)
      }).on('error', () => res.headersSent || res.writeHead(500).end())
    },
    undici: async (req, res) => {
      try {
        const answer = await undiciRequest(target + req.url, { dispatcher })
        res.writeHead(answer.statusCode)
        answer.body.on('error', () => {}).pipe(res)
      } catch {
        if (!res.headersSent) res.writeHead(500).end()
      }
    },
  }
  return { listeners, close: () => Promise.all([agent.destroy(), dispatcher.destroy()]) }
}

for (const host of hosts) {
  describe(`${host.name}, ${REQUESTS} requests at once over ${SOCKETS} connections`, () => {
    for (const name of ['http-proxy', 'http.get and pipe', 'undici']) {
      it(`gives each request its own cause through ${name}`, async () => {
        const behind: Listening = await listen(
          createServer((req, res) => upstream[req.url?.split('/')[1] ?? '']?.(req, res)),
        )
        const { listeners, close } = proxies(behind.url)
        const gateway = await host.start({
          use: ({ problemDetails, circuitBreaker }) => [
            problemDetails(),
            circuitBreaker({
              name: `${name} on ${host.name}`,
              timeout: 1000,
              volumeThreshold: 1e6,
            }),
          ],
          handler: (req, res) => listeners[name]?.(req, res),
        })
        const paths = Array.from({ length: REQUESTS }, (_, at) => {
          // Hanging calls hold their connection until the timeout: few of them, or nobody gets one.
          const kind = at < 3 ? 'hang' : kinds[at % (kinds.length - 1)]
          return `/${kind}/${at}`
        })
        try {
          const all = await Promise.all(paths.map((path) => sendRaw(gateway.port, getLine(path))))
          all.forEach((received, at) => {
            const path = paths[at] ?? ''
            const decoded = /^transfer-encoding: chunked/im.test(received.head)
              ? { ...received, body: received.body.replace(/^[0-9a-f]+\r\n(.*?)\r\n.*$/s, '$1') }
              : received
            expected[path.split('/')[1] ?? '']?.(decoded, path)
          })
        } finally {
          await gateway.close()
          await behind.close()
          await close()
        }
      })
    }
  })
}
