import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { connect } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import httpProxy from 'http-proxy'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { request as undiciRequest } from 'undici'
import * as koaApi from 'good-gateway/koa'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { parse, sendPart, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const TRICKY =
  ' {"n" :12345678901234567890, "f":1.0,\t"s":"\\u00e9\\ud800 \\u0000" ,\r\n"list":[ ] } '
const BIG = JSON.stringify({ text: 'x'.repeat(300_000) })

interface Message {
  readonly title: string
  readonly packets: readonly (string | Buffer)[]
  readonly body: Buffer
  /** Whether a client that waits for 100 Continue gets its way. */
  readonly expects?: boolean
}

const fields = (...more: string[]) =>
  [
    'POST /echo HTTP/1.1',
    'Host: gateway',
    'Connection: close',
    'Content-Type: application/json',
    ...more,
    '',
    '',
  ].join('\r\n')
const counted = (body: Buffer, ...more: string[]) =>
  fields(`Content-Length: ${body.length}`, ...more)
const chunk = (part: Buffer) =>
  Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
const LAST = '0\r\n\r\n'

function messages(): Message[] {
  const tricky = Buffer.from(TRICKY)
  const big = Buffer.from(BIG)
  const zipped = gzipSync(tricky)
  const head = (body: Buffer, ...more: string[]) => Buffer.from(counted(body, ...more))
  const chunkedHead = fields('Transfer-Encoding: chunked')
  return [
    {
      title: 'Content-Length, in one packet',
      packets: [Buffer.concat([head(tricky), tricky])],
      body: tricky,
    },
    {
      title: 'Content-Length, byte by byte',
      packets: [head(tricky), ...[...tricky].map((byte) => Buffer.from([byte]))],
      body: tricky,
    },
    {
      title: 'chunked, in one packet',
      packets: [Buffer.concat([Buffer.from(chunkedHead), chunk(tricky), Buffer.from(LAST)])],
      body: tricky,
    },
    {
      title: 'chunked, in split packets',
      packets: [chunkedHead, chunk(tricky.subarray(0, 7)), chunk(tricky.subarray(7)), LAST],
      body: tricky,
    },
    { title: '300 KB with Content-Length', packets: [head(big), big], body: big },
    {
      title: '300 KB chunked',
      packets: [chunkedHead, chunk(big.subarray(0, 100_000)), chunk(big.subarray(100_000)), LAST],
      body: big,
    },
    { title: 'gzip', packets: [head(zipped, 'Content-Encoding: gzip'), zipped], body: zipped },
    {
      title: 'Expect: 100-continue',
      packets: [head(tricky, 'Expect: 100-continue'), tricky],
      body: tricky,
      expects: true,
    },
  ]
}

/** The proxies of the gateway, none of which knows that somebody has read the body before. */
function proxies(target: string, agent: Agent): Record<string, RequestListener> {
  const proxy = httpProxy.createProxyServer({ target, agent })
  proxy.on('error', (_error, _req, res) => void res.end())
  return {
    'http-proxy': (req, res) => proxy.web(req, res),
    'undici.request': async (req, res) => {
      const headers = { ...req.headers, host: undefined, connection: undefined, expect: undefined }
      const answer = await undiciRequest(target, {
        method: 'POST',
        headers: Object.fromEntries(
          Object.entries(headers).filter(
            ([name, value]) => value !== undefined && name !== 'transfer-encoding',
          ),
        ),
        body: req,
      })
      await pipeline(answer.body, res)
    },
    fetch: async (req, res) => {
      const type = req.headers['content-encoding']
      // fetch takes a stream as a body, as many hand-written gateways use it.
      const answer = await fetch(target, {
        method: 'POST',
        body: req,
        duplex: 'half',
        headers: type === undefined ? {} : { 'content-encoding': type },
      } as unknown as RequestInit)
      res.end(Buffer.from(await answer.arrayBuffer()))
    },
    'for await': async (req, res) => {
      const chunks: Buffer[] = []
      for await (const part of req) chunks.push(part as Buffer)
      res.end(Buffer.concat(chunks))
    },
  }
}

async function echo(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const part of req) chunks.push(part as Buffer)
  const body = Buffer.concat(chunks)
  res.writeHead(200, { 'Content-Length': body.length }).end(body)
}

function bodyOf(text: string): string {
  const received = parse(text)
  if (received.status === 100) return bodyOf(received.body)
  assert.equal(received.status, 200, text.slice(0, 500))
  if (!/^transfer-encoding: chunked/im.test(received.head)) return received.body
  let [rest, body] = [received.body, '']
  for (;;) {
    const [size = ''] = rest.split('\r\n', 1)
    const length = parseInt(size, 16)
    if (!length) return body
    body += rest.slice(size.length + 2, size.length + 2 + length)
    rest = rest.slice(size.length + 4 + length)
  }
}

for (const host of hosts) {
  describe(`${host.name}, a body that was checked reaches the upstream byte for byte`, () => {
    const agent = new Agent({ keepAlive: true })
    let upstream: Listening
    let gateway: Listening
    let handler: RequestListener

    before(async () => {
      upstream = await listen(createServer((req, res) => void echo(req, res)))
      gateway = await host.start({
        use: ({ problemDetails, validate, waits }) => [
          problemDetails(),
          // Others are asynchronous too: the body may be here already when validate looks at it.
          waits(async ({ url }) => {
            if (url === '/echo') for (let hop = 0; hop < 5; hop++) await setImmediate()
          }),
          validate({ body: { type: 'object' } }),
          waits(() => setImmediate()),
        ],
        handler: (req, res) => handler(req, res),
      })
    })

    after(async () => {
      await gateway.close()
      await upstream.close()
      agent.destroy()
    })

    for (const name of ['http-proxy', 'undici.request', 'fetch', 'for await']) {
      for (const { title, packets, body } of messages()) {
        it(`${title}, through ${name}`, async () => {
          handler = proxies(upstream.url, agent)[name] ?? assert.fail(name)
          const { text } = await sendRaw(gateway.port, ...packets)
          assert.equal(bodyOf(text), body.toString('latin1'))
        })
      }
    }

    it('an empty chunked body counts as a missing body', async () => {
      const received = await sendRaw(gateway.port, fields('Transfer-Encoding: chunked') + LAST)
      const problem = problemIn(received)
      assert.equal(problem.code, 'request_invalid')
      assert.equal(problem.errors?.[0]?.pointer, '#')
    })

    for (const name of ['http-proxy', 'for await']) {
      it(`an empty chunked body of a DELETE passes, and ends, through ${name}`, async () => {
        handler = proxies(upstream.url, agent)[name] ?? assert.fail()
        const request = fields('Transfer-Encoding: chunked').replace('POST', 'DELETE') + LAST
        const { text } = await sendRaw(gateway.port, request)
        assert.equal(bodyOf(text), '')
      })
    }

    for (const method of ['DELETE', 'OPTIONS']) {
      it(`a chunked body of ${method}, from which http-proxy takes the chunks`, async () => {
        const forward = createForward()
        handler = (req, res) => forward(req, res, upstream.url)
        const head = fields('Transfer-Encoding: chunked').replace('POST', method)
        const { text } = await sendRaw(gateway.port, head, chunk(Buffer.from(TRICKY)), LAST)
        assert.equal(bodyOf(text), TRICKY)
      })
    }

    it('pipelined requests are answered in order', async () => {
      handler = proxies(upstream.url, agent)['for await'] ?? assert.fail()
      const bodies = ['{"a":1}', '{"b":22}', '{"c":333}']
      const requests = bodies.map((body, at) => {
        const head = counted(Buffer.from(body))
        return (at < bodies.length - 1 ? head.replace('Connection: close\r\n', '') : head) + body
      })
      const { text } = await sendRaw(gateway.port, requests.join(''))
      const answers = text.split('HTTP/1.1 200 OK').slice(1)
      assert.equal(answers.length, bodies.length)
      answers.forEach((answer, at) => assert.ok(answer.includes(bodies[at] ?? '?'), answer))
    })

    it('a small body that is refused unread does not close the connection', async () => {
      const refused = counted(Buffer.from(TRICKY), 'X: 1')
        .replace('application/json', 'text/plain')
        .replace('Connection: close\r\n', '')
      const next = counted(Buffer.from('[]'))
      const { text } = await sendRaw(gateway.port, refused, TRICKY, `${next}[]`)
      assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 415', 'HTTP/1.1 400'])
    })

    it('a body that does not arrive in time is a 408, and one that is too large is a 413', async () => {
      const slow = await host.start({
        use: ({ problemDetails, validate }) => [
          problemDetails(),
          validate({ body: {} }, { bodyTimeout: 50, limit: '1kb' }),
        ],
        handler: (_req, res) => res.end(),
      })
      try {
        const late = await sendPart(slow.port, counted(Buffer.from(TRICKY)), TRICKY.slice(0, 5))
        assert.deepEqual([late.status, problemIn(late).code], [408, 'request_timeout'])
        const large = await sendRaw(slow.port, counted(Buffer.from(BIG)), BIG)
        assert.deepEqual([large.status, problemIn(large).code], [413, 'content_too_large'])
        const open = await sendRaw(
          slow.port,
          fields('Transfer-Encoding: chunked'),
          chunk(Buffer.from(BIG)),
          LAST,
        )
        assert.deepEqual([open.status, problemIn(open).code], [413, 'content_too_large'])
      } finally {
        await slow.close()
      }
    })

    it('the answer waits for a client that writes everything before it reads', async () => {
      const size = 8 * 1024 * 1024
      const socket = connect(gateway.port, '127.0.0.1')
      socket.on('error', (error) => assert.fail(error))
      const body = Buffer.alloc(size, ' ')
      await new Promise<void>((resolve) => {
        socket.pause()
        socket.write(counted(body))
        socket.write(body, () => resolve())
      })
      let text = ''
      socket
        .setEncoding('latin1')
        .on('data', (part: string) => (text += part))
        .resume()
      await once(socket, 'end')
      assert.equal(problemIn(parse(text)).code, 'content_too_large')
    })
  })
}

describe('Koa with koa-bodyparser after validate', () => {
  it('parses the body that was checked before', async () => {
    const app = new Koa()
    const checked = koaApi.validate<{ body: unknown }>({ body: { type: 'object' } })
    app.use(koaApi.problemDetails()).use(checked).use(bodyParser())
    app.use((ctx) => {
      assert.deepEqual(ctx.request.body, checked.valid(ctx).body)
      ctx.body = ctx.request.rawBody
    })
    const gateway = await listen(createServer(app.callback()))
    try {
      for (const { packets, body, title } of messages()) {
        if (title === 'gzip') continue
        const { text } = await sendRaw(gateway.port, ...packets)
        assert.equal(bodyOf(text), body.toString('latin1'), title)
      }
    } finally {
      await gateway.close()
    }
  })
})
