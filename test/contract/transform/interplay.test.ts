import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import compression from 'compression'
import {
  type CircuitBreakerOptions,
  type Code,
  type ConnectMiddleware,
  listener,
  problemDetails,
  type Schemas,
  type Transform,
  transform,
} from 'good-gateway'
import { request as undiciRequest } from 'undici'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

interface Options {
  readonly transforms: readonly Transform[]
  readonly handler?: Handler
  readonly breaker?: Partial<CircuitBreakerOptions>
  readonly schemas?: Schemas
  readonly outside?: ConnectMiddleware
  readonly reads?: boolean
}

const postOf = (body: string, path = '/orders') =>
  getLine(path, 'Content-Type: application/json', `Content-Length: ${body.length}`).replace(
    'GET',
    'POST',
  ) + body

let mounted = 0

for (const host of hosts)
  describe(`${host.name}, transform among the others`, () => {
    let upstream: Listening
    let gateway: Listening | undefined
    let arrived: string[]
    let codes: Code[]
    let told: string[][]
    let behaviour: RequestListener
    const forward = createForward()

    before(async () => {
      upstream = await listen(createServer((req, res) => behaviour(req, res)))
    })
    after(() => upstream.close())
    beforeEach(() => {
      arrived = []
      codes = []
      told = []
      behaviour = async (req, res) => {
        arrived.push(`${req.method} ${req.url} ${await text(req)}`)
        if (req.url?.endsWith('/reset')) return req.socket.resetAndDestroy()
        res.setHeader('Content-Type', 'application/json')
        return res.end('{"ok":true}')
      }
    })
    afterEach(() => gateway?.close())

    async function start({ transforms, handler, breaker, schemas, outside, reads }: Options) {
      gateway = await host.start({
        use: (api) => [
          ...(outside ? [api.connect(outside)] : []),
          api.problemDetails({
            onError: ({ code }, { method, path }) => {
              codes.push(code)
              told.push([method, path])
            },
          }),
          ...(reads ? [api.waits(async (req) => void (await text(req)))] : []),
          ...(schemas ? [api.validate(schemas)] : []),
          ...transforms.map((each) => api.transform(each)),
          ...(breaker ? [api.circuitBreaker({ name: `interplay ${mounted++}`, ...breaker })] : []),
        ],
        handler: handler ?? ((req, res) => forward(req, res, upstream.url)),
      })
    }
    const ask = (...packets: string[]) => sendRaw(gateway?.port ?? 0, ...packets)

    /** A call that is made for somebody else, and is good. */
    const audit = () =>
      new Promise<void>((resolve, reject) => {
        request(`${upstream.url}/audit`, { method: 'POST', agent: false }, (answer) => {
          answer.resume().once('end', () => resolve())
        })
          .on('error', reject)
          .end('{}')
      })

    for (const [name, pathOf] of [
      ['the path that the request has now', (req: IncomingMessage) => req.url ?? ''],
      ['the path as it was first seen', () => '/orders/reset'],
    ] as const)
      it(`knows the call of the request by ${name}`, async () => {
        let open: Promise<unknown> = Promise.resolve()
        await start({
          transforms: [{ request: () => ({ path: '/v2/reset' }) }],
          handler: async (req, res) => {
            const failed = once(request(upstream.url + pathOf(req)).end(), 'error')
            // A call that is good, and made at the same time for somebody else.
            open = audit()
            await failed
            res.writeHead(500).end('made up')
          },
        })
        const received = await ask(getLine('/orders/reset'))
        await open
        const { code } = problemIn(received)
        assert.deepEqual([received.status, code], [502, 'upstream_connection_lost'])
      })

    it('knows the call that has the new body, though it is not piped', async () => {
      let open: Promise<unknown> = Promise.resolve()
      await start({
        transforms: [{ request: () => ({ body: { much: 'longer' } }) }],
        handler: async (req, res) => {
          const body = await text(req)
          const headers = { 'content-type': 'application/json' }
          const call = undiciRequest(`${upstream.url}/elsewhere/reset`, {
            method: 'POST',
            headers,
            body,
          })
          open = audit()
          await call.catch(() => res.writeHead(500).end('made up'))
        },
      })
      const received = await ask(postOf('{}'))
      await open
      assert.deepEqual(
        [received.status, problemIn(received).code],
        [502, 'upstream_connection_lost'],
      )
    })

    it('gives a fallback the request as it is now, and its answer to the client as it is', async () => {
      const seen: string[] = []
      behaviour = async (req) => {
        await text(req)
        req.socket.resetAndDestroy()
      }
      await start({
        transforms: [
          {
            request: () => ({ path: '/v2', body: { new: 1 } }),
            response: () => ({ body: 'changed' }),
          },
        ],
        breaker: {
          fallback: async ({ req, res }) => {
            seen.push(`${req.url} ${await text(req)}`)
            res.end('{"fallback":true}')
          },
        },
      })
      const received = await ask(postOf('{"old":1}'))
      assert.deepEqual(seen, ['/v2 {"new":1}'])
      assert.match(received.text, /\{"fallback":true\}/)
    })

    it('runs several from the outside in, and back', async () => {
      const step = (name: string): Transform => ({
        request: (r) => ({ path: `${r.path}/${name}` }),
        response: (r) => ({ body: `${name}(${String(r.bytes)})`, headers: { [`x-${name}`]: '1' } }),
        events: () => ({
          push: ({ data }) => [{ data: `${name}(${data})` }],
          end: () => [{ data: `end of ${name}` }],
        }),
      })
      await start({ transforms: [step('a'), step('b')] })
      const { body, head } = await ask(getLine('/x'))
      assert.equal(body, 'a(b({"ok":true}))')
      assert.deepEqual([fieldOf(head, 'x-a'), fieldOf(head, 'x-b')], ['1', '1'])
      assert.match(arrived[0] ?? '', /^GET \/x\/a\/b/)
      behaviour = (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.end('data: 1\n\n')
      }
      const stream = await ask(getLine('/x'))
      assert.equal(
        dechunk(stream.body).text,
        'data: a(b(1))\n\ndata: a(end of b)\n\ndata: end of a\n\n',
      )
    })

    it('is compressed by a compressor before it, with the new body', async () => {
      await start({
        transforms: [{ response: () => ({ body: { x: 'y'.repeat(5000) } }) }],
        outside: compression() as ConnectMiddleware,
      })
      const response = await fetch(gateway?.url ?? '', { headers: { 'Accept-Encoding': 'gzip' } })
      assert.equal(response.headers.get('content-encoding'), 'gzip')
      assert.deepEqual(await response.json(), { x: 'y'.repeat(5000) })
    })

    it('checks the request as the client has sent it, and sends what it becomes', async () => {
      await start({
        schemas: { body: { type: 'object', required: ['old'] } },
        transforms: [{ request: (r) => ({ body: { new: (r.json() as { old: unknown }).old } }) }],
      })
      assert.equal((await ask(postOf('{"new":1}'))).status, 400)
      assert.equal((await ask(postOf('{"old":1}'))).status, 200)
      assert.deepEqual(arrived, ['POST /orders {"new":1}'])
    })

    it('says what is wrong where somebody has read the body before', async () => {
      await start({ transforms: [{ request: () => ({ body: {} }) }], reads: true })
      const received = await ask(postOf('{}'))
      assert.deepEqual([received.status, problemIn(received).code], [500, 'gateway_misconfigured'])
    })

    it('shows the proxy a request that came so', async () => {
      let seen: unknown
      let raw: string[] = []
      let names: string[] = []
      await start({
        transforms: [
          {
            request: () => ({
              method: 'PATCH',
              path: '/p',
              headers: { 'X-New': 'é', 'X-Old': null },
              body: 'text',
            }),
          },
        ],
        handler: async (req, res) => {
          const { method, url, headers, readableDidRead } = req
          raw = req.rawHeaders.map((each) => each.toLowerCase())
          names = Object.keys(headers)
          seen = [method, url, headers['x-new'], readableDidRead, await text(req)]
          res.end()
        },
      })
      await ask(postOf('{"a":1}').replace('Host', 'X-Old: 1\r\nDigest: x\r\nHost'))
      assert.deepEqual(seen, ['PATCH', '/p', 'é', false, 'text'])
      assert.deepEqual(raw.filter((_, at) => at % 2 === 0).toSorted(), names.toSorted())
      assert.equal(raw[raw.indexOf('content-length') + 1], '4')
      assert.ok(!names.includes('x-old') && !names.includes('digest'))
    })

    it('waits for a client that sends its body byte by byte', async () => {
      await start({ transforms: [{ request: (r) => ({ body: r.json() }) }] })
      const all = postOf('{ "a": 1 }')
      const { status } = await ask(
        ...all.split('{ ').flatMap((part, at) => (at ? [...`{ ${part}`] : [part])),
      )
      assert.equal(status, 200)
      assert.deepEqual(arrived, ['POST /orders {"a":1}'])
    })

    it('tells the log the method and the path that the client has sent', async () => {
      await start({ transforms: [{ request: () => ({ method: 'PUT', path: '/reset' }) }] })
      assert.equal(problemIn(await ask(getLine('/orders'))).code, 'upstream_connection_lost')
      assert.deepEqual(told, [['GET', '/orders']])
    })

    it('aborts the call when the client leaves while its response is held', async () => {
      let isClosed = false
      let isThere = false
      behaviour = (_, res) => {
        res.on('close', () => (isClosed = true))
        res
          .writeHead(200, { 'Content-Type': 'application/json' })
          .write('{', () => (isThere = true))
      }
      await start({ transforms: [{ response: () => undefined }] })
      const client = connect(gateway?.port ?? 0, '127.0.0.1')
      client.on('error', () => {}).write(getLine('/'))
      await until(() => isThere)
      client.destroy()
      await until(() => isClosed && codes.length > 0)
      assert.deepEqual(codes, ['client_closed_request'])
    })
  })

describe('transform on HTTP/2', () => {
  it('changes bodies, responses and events', async () => {
    const upstream = await listen(
      createServer(async (req, res) => {
        const body = await text(req)
        const isStream = req.url === '/events'
        res.writeHead(200, { 'Content-Type': isStream ? 'text/event-stream' : 'application/json' })
        res.end(
          isStream ? 'data: 1\n\n' : `{"got":${body},"length":${req.headers['content-length']}}`,
        )
      }),
    )
    const handle = listener(
      problemDetails(),
      transform({
        request: (r) => (r.method === 'POST' ? { body: { a: r.json() } } : undefined),
        response: (r) => ({ body: { v: r.json() } }),
        events: () => ({ push: ({ data }) => [{ data: `${data}!` }], end: () => [] }),
      }),
      (req, res) => {
        const { 'content-length': length, 'content-type': type } = req.headers
        const headers = {
          ...(length && { 'content-length': length }),
          ...(type && { 'content-type': type }),
        }
        const call = request(
          upstream.url + req.url,
          { method: req.method ?? 'GET', headers },
          (answer) => {
            res.writeHead(answer.statusCode ?? 0, {
              'content-type': answer.headers['content-type'],
            })
            answer.pipe(res)
          },
        )
        req.pipe(call)
      },
    )
    const server = createHttp2Server(handle as never)
    const gateway = await listen(server as never)
    const client = connectHttp2(gateway.url)
    const asked = async (path: string, body?: string) => {
      const stream = client.request({
        ':path': path,
        ...(body !== undefined && { ':method': 'POST', 'content-type': 'application/json' }),
      })
      stream.end(body)
      return text(stream)
    }
    try {
      assert.equal(await asked('/', '[1]'), '{"v":{"got":{"a":[1]},"length":9}}')
      assert.equal(await asked('/events'), 'data: 1!\n\n')
    } finally {
      client.destroy()
      await gateway.close()
      await upstream.close()
    }
  })
})
