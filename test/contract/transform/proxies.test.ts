import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Transform } from 'good-gateway'
import { type Gateway, gateways } from '../../support/gateways/index.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, parse, type Received, sendRaw } from '../../support/raw-client.js'
import { listen } from '../../support/servers.js'

/** What of a transform a proxy makes impossible, and why. */
const impossible: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'http-proxy-middleware 2': {
    path: 'it takes the path from `originalUrl`, which is what the client has sent',
  },
  axios: {
    'error of the upstream': 'axios throws for such a status, the body unread',
  },
}

/** Makes a bigger body, another path, other fields, another answer and other events. */
const transform: Transform = {
  request: (r) => ({
    path: r.path.replace('/v1', '/v2'),
    headers: { 'Content-Language': 'de' },
    ...(r.method === 'POST' && { body: { ...(r.json() as object), more: 'x'.repeat(500) } }),
  }),
  response: (r) => ({ headers: { 'X-Of': 'v1' }, body: { v1: r.json() } }),
  events: () => ({
    push: ({ data }) => [{ event: 'v1', data: `${data}!` }],
    end: () => [{ data: 'end' }],
  }),
}

const post = (path: string, body: string | Buffer, ...fields: string[]): (string | Buffer)[] => [
  getLine(path, 'Content-Type: application/json', ...fields).replace('GET', 'POST'),
  body,
]
const sized = (body: string | Buffer) => `Content-Length: ${body.length}`

const textOf = ({ head, body }: Received): string =>
  /^transfer-encoding: chunked/im.test(head) ? dechunk(body).text : body

interface Running {
  readonly port: number
  readonly arrived: { url: string; length: string | undefined; body: string }[]
}

type Case = readonly [name: string, check: (running: Running) => Promise<void>]

const sent = `{"n":1,"more":"${'x'.repeat(500)}"}`

async function asks(running: Running, ...packets: (string | Buffer)[]): Promise<void> {
  const { text } = await sendRaw(running.port, ...packets)
  const received = parse(text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''))
  assert.equal(received.status, 200, text)
  assert.deepEqual(running.arrived[0]?.body, sent)
  assert.equal(running.arrived[0]?.length ?? String(sent.length), String(sent.length))
  assert.equal(textOf(received), '{"v1":{"ok":true}}')
  assert.equal(fieldOf(received.head, 'x-of'), 'v1')
  assert.equal(fieldOf(received.head, 'etag'), undefined)
  assert.equal(fieldOf(received.head, 'content-encoding'), undefined)
}

const cases: readonly Case[] = [
  ['body', (running) => asks(running, ...post('/json', '{"n":1}', sized('{"n":1}')))],
  [
    'chunked body',
    (running) =>
      asks(running, ...post('/json', '7\r\n{"n":1}\r\n0\r\n\r\n', 'Transfer-Encoding: chunked')),
  ],
  [
    'encoded body',
    (running) => {
      const body = gzipSync('{"n":1}')
      return asks(running, ...post('/json', body, sized(body), 'Content-Encoding: gzip'))
    },
  ],
  [
    'body expected by 100-continue',
    (running) =>
      asks(running, ...post('/json', '{"n":1}', sized('{"n":1}'), 'Expect: 100-continue')),
  ],
  [
    'path',
    async ({ port, arrived }) => {
      const { status } = await sendRaw(port, getLine('/v1/json?a=1'))
      assert.deepEqual([status, arrived[0]?.url], [200, '/v2/json?a=1'])
    },
  ],
  [
    'error of the upstream',
    async ({ port }) => {
      const received = await sendRaw(port, getLine('/404'))
      assert.deepEqual([received.status, textOf(received)], [404, '{"v1":{"ok":true}}'])
    },
  ],
  [
    'encoded response',
    async ({ port }) => {
      const received = await sendRaw(port, getLine('/gzip', 'Accept-Encoding: gzip'))
      assert.equal(textOf(received), '{"v1":{"ok":true}}', received.text)
      assert.equal(fieldOf(received.head, 'content-encoding'), undefined)
    },
  ],
  [
    'response that is no JSON',
    async ({ port }) => {
      const received = await sendRaw(port, getLine('/broken'))
      assert.equal(problemIn(received).code, 'upstream_response_invalid')
    },
  ],
  [
    'events',
    async ({ port }) => {
      const received = await sendRaw(port, getLine('/events'))
      assert.equal(textOf(received), 'event: v1\ndata: a!\n\nevent: v1\ndata: b!\n\ndata: end\n\n')
    },
  ],
]

/** An upstream that answers by the path. */
const upstreamFor = (arrived: Running['arrived']) =>
  createServer((req, res) => {
    // Some copy what it says of its connection, and the client would wait for the end of theirs.
    res.setHeader('Connection', 'close')
    let body = ''
    req.setEncoding('utf8').on('data', (text: string) => (body += text))
    req.on('error', () => {})
    req.on('end', () => {
      const url = req.url ?? ''
      arrived.push({ url, length: req.headers['content-length'], body })
      const ok = '{"ok":true}'
      const head = { 'Content-Type': 'application/json', ETag: '"1"' }
      if (url === '/404') return res.writeHead(404, head).end(ok)
      if (url === '/broken') return res.writeHead(200, head).end('{')
      if (url === '/gzip' && req.headers['accept-encoding'] !== 'identity')
        return res.writeHead(200, { ...head, 'Content-Encoding': 'gzip' }).end(gzipSync(ok))
      if (url !== '/events') return res.writeHead(200, head).end(ok)
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: a\n\nda')
      return setImmediate(() => res.end('ta: b\n\n'))
    })
  })

async function run(gateway: Gateway, check: Case[1]): Promise<void> {
  const arrived: Running['arrived'] = []
  const upstream = await listen(upstreamFor(arrived))
  const running = await gateway.start({ target: upstream.url }, transform)
  try {
    await check({ port: running.port, arrived })
  } finally {
    await running.close()
    await upstream.close()
  }
}

for (const gateway of gateways)
  describe(`${gateway.name}, which knows nothing of a transform`, () => {
    for (const [name, check] of cases) {
      const reason = impossible[gateway.name]?.[name]
      it(reason === undefined ? name : `${name}: n/a, ${reason}`, async () => {
        if (reason === undefined) await run(gateway, check)
        else await assert.rejects(run(gateway, check))
      })
    }
  })
