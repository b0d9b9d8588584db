import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import {
  breakers,
  type Code,
  type ErrorInfo,
  GatewayError,
  members,
  type Schemas,
  type Transform,
  type TransformOptions,
} from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { type Host, hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, type Received, sendRaw, sendWatching } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

interface Arrived {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

interface Options extends TransformOptions {
  readonly schemas?: Schemas
  readonly breaker?: string
}

const JSON_TYPE = { 'Content-Type': 'application/json' }

const post = (body: string | Buffer, ...fields: string[]): (string | Buffer)[] => [
  [
    'POST /orders?a=1 HTTP/1.1',
    'Host: a',
    'Connection: close',
    ...(fields.some((field) => /^content-type/i.test(field))
      ? []
      : ['Content-Type: application/json']),
    ...(fields.some((field) => /^transfer-encoding/i.test(field))
      ? []
      : [`Content-Length: ${body.length}`]),
    ...fields,
    '',
    '',
  ].join('\r\n'),
  ...(body.length === 0 ? [] : [body]),
]

const textOf = ({ head, body }: Received): string =>
  /^transfer-encoding: chunked/im.test(head) ? dechunk(body).text : body

/** What the tests of one host have in common. */
class Stage {
  readonly #host: Host
  readonly #forward = createForward()
  arrived: Arrived[] = []
  infos: ErrorInfo[] = []
  /** What the upstream answers, once it has the whole request. */
  behaviour: RequestListener = (_, res) => res.writeHead(200, JSON_TYPE).end('{"ok":true}')
  #upstream: Listening | undefined
  gateway: Listening | undefined

  constructor(host: Host) {
    this.#host = host
  }

  async start(transform: Transform, { schemas, breaker, ...options }: Options = {}): Promise<void> {
    this.#upstream = await listen(
      createServer((req, res) => {
        const chunks: Buffer[] = []
        req.on('data', (chunk: Buffer) => chunks.push(chunk))
        req.on('error', () => {})
        req.on('end', () => {
          const { method = '', url = '', headers, rawHeaders } = req
          this.arrived.push({ method, url, headers, rawHeaders, body: Buffer.concat(chunks) })
          this.behaviour(req, res)
        })
      }),
    )
    const { url } = this.#upstream
    this.gateway = await this.#host.start({
      use: (api) => [
        api.problemDetails({ onError: (_error, info) => this.infos.push(info) }),
        ...(schemas ? [api.validate(schemas)] : []),
        api.transform(transform, options),
        ...(breaker === undefined
          ? []
          : [api.circuitBreaker({ name: breaker, volumeThreshold: 2, resetTimeout: 60_000 })]),
      ],
      handler: (req, res) => this.#forward(req, res, url),
    })
  }

  ask(...packets: (string | Buffer)[]): Promise<Received> {
    return sendRaw(this.gateway?.port ?? 0, ...packets)
  }

  async stop(): Promise<void> {
    await this.gateway?.close()
    await this.#upstream?.close()
  }

  async assertFails(expected: [number, Code], ...packets: (string | Buffer)[]): Promise<void> {
    const received = await this.ask(...packets)
    assert.deepEqual([received.status, problemIn(received).code], expected, received.text)
  }
}

const rename = { request: members({ rename: { customer: 'customer_id' } }) }
const wrap: Transform = { response: (r) => ({ body: { data: r.json() } }) }
const exclaim: Transform = {
  events: () => ({
    push: (event) => [{ ...event, data: `${event.data}!` }],
    end: () => [{ event: 'done', data: '' }],
  }),
}

for (const host of hosts) {
  describe(`${host.name}, transform: requests`, () => {
    let stage: Stage
    beforeEach(() => (stage = new Stage(host)))
    afterEach(() => stage.stop())

    it('changes method, path, fields and body, with the length of the new body', async () => {
      await stage.start({
        request: (r) => {
          assert.deepEqual([r.method, r.path], ['POST', '/orders?a=1'])
          return {
            method: 'PUT',
            path: '/v2/orders',
            headers: { 'X-Version': '2', 'x-old': null },
            body: { wrapped: r.json() },
          }
        },
      })
      const { status } = await stage.ask(...post('{"n":1}', 'X-Old: 1', 'X-Stays: 1'))
      const [{ method, url, headers, body } = assert.fail()] = stage.arrived
      assert.equal(status, 200)
      assert.deepEqual([method, url, String(body)], ['PUT', '/v2/orders', '{"wrapped":{"n":1}}'])
      assert.deepEqual(
        [headers['x-version'], headers['x-old'], headers['x-stays'], headers['content-length']],
        ['2', undefined, '1', '19'],
      )
      assert.equal(headers['transfer-encoding'], undefined)
    })

    it('leaves a request as it came where it returns nothing, byte for byte', async () => {
      await stage.start({ request: (r) => void r.json() })
      const odd = '{ "n" :12345678901234567890,\t"s":"\\u00e9" }'
      await stage.ask(...post(odd, 'Content-MD5: x'))
      assert.equal(String(stage.arrived[0]?.body), odd)
      assert.equal(stage.arrived[0]?.headers['content-md5'], 'x')
    })

    it('keeps numbers that JavaScript cannot hold', async () => {
      await stage.start(rename)
      await stage.ask(...post('{"customer":12345678901234567890,"x":0.1234567890123456789,"y":1}'))
      assert.equal(
        String(stage.arrived[0]?.body),
        '{"x":0.1234567890123456789,"y":1,"customer_id":12345678901234567890}',
      )
    })

    it('takes off what a new body makes untrue', async () => {
      await stage.start(rename)
      const stale = ['Digest: a', 'Content-MD5: a', 'Content-Digest: a', 'Repr-Digest: a']
      await stage.ask(...post('{"customer":1}', ...stale))
      const names = Object.keys(stage.arrived[0]?.headers ?? {})
      assert.deepEqual(
        names.filter((name) => /digest|md5/.test(name)),
        [],
      )
    })

    for (const [coding, encode] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
    ] as const)
      it(`decodes ${coding}, and sends the new body without`, async () => {
        await stage.start(rename)
        await stage.ask(...post(encode('{"customer":1}'), `Content-Encoding: ${coding}`))
        const [{ headers, body } = assert.fail()] = stage.arrived
        assert.deepEqual(
          [headers['content-encoding'], String(body)],
          [undefined, '{"customer_id":1}'],
        )
      })

    it('reads a chunked body, and sends it with a length', async () => {
      await stage.start(rename)
      const [head = ''] = post('', 'Transfer-Encoding: chunked', 'Trailer: X-Sum')
      await stage.ask(head, '9\r\n{"custome\r\n', '5\r\nr":1}\r\n', '0\r\nX-Sum: 1\r\n\r\n')
      const [{ headers, body } = assert.fail()] = stage.arrived
      assert.equal(String(body), '{"customer_id":1}')
      assert.deepEqual([headers['content-length'], headers['transfer-encoding']], ['17', undefined])
      assert.equal(headers['trailer'], undefined)
    })

    it('answers Expect: 100-continue, and does not send it on', async () => {
      await stage.start(rename)
      const { text } = await stage.ask(...post('{"customer":1}', 'Expect: 100-continue'))
      assert.match(text, /^HTTP\/1\.1 100 Continue/)
      assert.match(text, /HTTP\/1\.1 200 OK/)
      assert.equal(stage.arrived[0]?.headers['expect'], undefined)
    })

    it('gives a request without a body one', async () => {
      await stage.start({ request: () => ({ method: 'POST', body: { a: 1 } }) })
      await stage.ask(getLine('/x'))
      const [{ method, headers, body } = assert.fail()] = stage.arrived
      assert.deepEqual([method, String(body), headers['content-length']], ['POST', '{"a":1}', '7'])
      assert.equal(headers['content-type'], 'application/json')
    })

    it('takes a body off', async () => {
      await stage.start({ request: () => ({ method: 'GET', path: '/found', body: '' }) })
      await stage.ask(...post('{"a":1}'))
      const [{ method, url, headers, body } = assert.fail()] = stage.arrived
      assert.deepEqual([method, url, String(body)], ['GET', '/found', ''])
      assert.equal(headers['content-length'], undefined)
    })

    it('sends bytes and texts as they are, under the media type that is given', async () => {
      await stage.start({ request: () => ({ body: '<a/>', contentType: 'application/xml' }) })
      await stage.ask(...post('{"a":1}'))
      const [{ headers, body } = assert.fail()] = stage.arrived
      assert.deepEqual([headers['content-type'], String(body)], ['application/xml', '<a/>'])
    })

    it('waits for what is asynchronous, and is chosen for each request', async () => {
      await stage.start((exchange) =>
        exchange.url.startsWith('/orders')
          ? { request: async () => ({ headers: { 'X-Path': exchange.url } }) }
          : undefined,
      )
      await stage.ask(getLine('/orders/1'))
      await stage.ask(getLine('/others'))
      assert.deepEqual(
        stage.arrived.map(({ headers }) => headers['x-path']),
        ['/orders/1', undefined],
      )
    })

    it('keeps requests on one connection apart', async () => {
      await stage.start(rename)
      const one = (n: number, connection: string) =>
        post(`{"customer":${n}}`).join('').replace('close', connection)
      const text = one(1, 'keep-alive') + one(2, 'keep-alive') + one(3, 'close')
      await stage.ask(text)
      assert.deepEqual(
        stage.arrived.map(({ body }) => String(body)),
        [1, 2, 3].map((n) => `{"customer_id":${n}}`),
      )
    })

    const failing: readonly (readonly [string, Transform, [number, Code], Options?])[] = [
      ['what it throws', { request: () => assert.fail('x') }, [500, 'gateway_error']],
      [
        'a promise that rejects',
        { request: () => Promise.reject(new Error('x')) },
        [500, 'gateway_error'],
      ],
      ['a path that cannot be sent', { request: () => ({ path: 'a b' }) }, [500, 'gateway_error']],
      ['a method that is none', { request: () => ({ method: 'A B' }) }, [500, 'gateway_error']],
      [
        'a value of a field that Node refuses',
        { request: () => ({ headers: { a: 'b\nc' } }) },
        [500, 'gateway_misconfigured'],
      ],
      [
        'framing of its own',
        { request: () => ({ headers: { 'Content-Length': '1' } }) },
        [500, 'gateway_error'],
      ],
      ['a body that cannot be written', { request: () => ({ body: 1n }) }, [500, 'gateway_error']],
      [
        'a GatewayError as it is',
        {
          request: () => {
            throw new GatewayError('request_unsupported', {
              errors: [{ in: 'body', pointer: '#/n', code: 'maximum', detail: 'must be 1' }],
            })
          },
        },
        [400, 'request_unsupported'],
      ],
      ['a body over the limit', rename, [413, 'content_too_large'], { limit: 4 }],
    ]
    for (const [name, transform, expected, options] of failing)
      it(`answers ${name}: ${expected.join(' ')}, and sends nothing`, async () => {
        await stage.start(transform, options)
        await stage.assertFails(expected, ...post('{"n":1}'))
        assert.deepEqual(stage.arrived, [])
      })

    const hostile: readonly (readonly [string, readonly (string | Buffer)[], [number, Code]])[] = [
      ['no JSON', post('{"a":'), [400, 'request_malformed']],
      ['invalid UTF-8', post(Buffer.from([0x22, 0xff, 0x22])), [400, 'request_malformed']],
      ['gzip that is broken', post('abc', 'Content-Encoding: gzip'), [400, 'request_malformed']],
      [
        'gzip that is cut off',
        post(gzipSync('{"a":1}').subarray(0, 12), 'Content-Encoding: gzip'),
        [400, 'request_malformed'],
      ],
      [
        'a gzip bomb',
        post(gzipSync(Buffer.alloc(3_000_000, 32)), 'Content-Encoding: gzip'),
        [413, 'content_too_large'],
      ],
      [
        'an unknown coding',
        post('abc', 'Content-Encoding: x'),
        [415, 'unsupported_content_encoding'],
      ],
      [
        'a media type that is not JSON',
        post('a=1', 'Content-Type: text/plain'),
        [415, 'unsupported_media_type'],
      ],
    ]
    for (const [name, packets, expected] of hostile)
      it(`refuses ${name}: ${expected.join(' ')}`, async () => {
        await stage.start(rename)
        await stage.assertFails(expected, ...packets)
        assert.deepEqual(stage.arrived, [])
      })

    it('refuses a body that grows over the limit without a length', async () => {
      await stage.start(rename, { limit: 10 })
      const [head = ''] = post('', 'Transfer-Encoding: chunked')
      await stage.assertFails(
        [413, 'content_too_large'],
        head,
        `14\r\n"${'x'.repeat(18)}"\r\n0\r\n\r\n`,
      )
    })

    it('sends nothing of a client that leaves in the middle of its body', async () => {
      await stage.start(rename)
      const socket = connect(stage.gateway?.port ?? 0, '127.0.0.1')
      const [head = ''] = post('{"customer":1}')
      socket.write(head)
      socket.write('{"cust')
      await once(socket, 'connect')
      socket.destroy()
      await until(() => stage.infos.length > 0)
      assert.equal(stage.infos[0]?.code, 'client_closed_request')
      assert.deepEqual(stage.arrived, [])
    })
  })

  describe(`${host.name}, transform: responses`, () => {
    let stage: Stage
    beforeEach(() => (stage = new Stage(host)))
    afterEach(() => stage.stop())

    it('changes status, fields and body, with the length of the new body', async () => {
      stage.behaviour = (_, res) =>
        res
          .writeHead(200, 'Fine', {
            ...JSON_TYPE,
            ETag: '"1"',
            'Last-Modified': 'x',
            'Content-MD5': 'x',
            'Accept-Ranges': 'bytes',
            'X-Old': '1',
            'Set-Cookie': ['a=1', 'b=2'],
          })
          .end('{"a":1}')
      await stage.start({
        response: (r) => {
          assert.deepEqual([r.status, r.headers['x-old']], [200, '1'])
          return { status: 201, headers: { 'X-Old': null, 'X-New': '2' }, body: { b: r.json() } }
        },
      })
      const { text, status, head, body } = await stage.ask(getLine('/'))
      assert.match(text, /^HTTP\/1\.1 201 Created/)
      assert.deepEqual(
        [status, body, fieldOf(head, 'content-length')],
        [201, '{"b":{"a":1}}', '13'],
      )
      assert.deepEqual(
        ['etag', 'last-modified', 'content-md5', 'accept-ranges', 'x-old', 'transfer-encoding'].map(
          (name) => fieldOf(head, name),
        ),
        Array.from({ length: 6 }, () => undefined),
      )
      assert.equal(fieldOf(head, 'x-new'), '2')
      assert.match(head, /set-cookie: a=1\r\nset-cookie: b=2/i)
    })

    it('leaves a response as it came where it returns nothing', async () => {
      const odd = '{ "n" :12345678901234567890 }'
      stage.behaviour = (_, res) => res.writeHead(200, { ...JSON_TYPE, ETag: '"1"' }).end(odd)
      await stage.start({ response: () => undefined })
      const received = await stage.ask(getLine('/'))
      assert.equal(textOf(received), odd)
      assert.equal(fieldOf(received.head, 'etag'), '"1"')
    })

    it('asks for what can be read, and for the whole of it', async () => {
      await stage.start(wrap)
      await stage.ask(getLine('/', 'Accept-Encoding: gzip, zstd', 'Range: bytes=0-1'))
      const { headers } = stage.arrived[0] ?? assert.fail()
      assert.deepEqual([headers['accept-encoding'], headers['range']], ['identity', undefined])
    })

    it('decodes what comes encoded all the same', async () => {
      stage.behaviour = (_, res) =>
        res.writeHead(200, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }).end(gzipSync('{"a":1}'))
      await stage.start(wrap)
      const { head, body } = await stage.ask(getLine('/'))
      assert.deepEqual([body, fieldOf(head, 'content-encoding')], ['{"data":{"a":1}}', undefined])
    })

    it("translates the upstream's own errors", async () => {
      stage.behaviour = (_, res) => res.writeHead(422, JSON_TYPE).end('{"a":1}')
      await stage.start(wrap)
      const { status, body } = await stage.ask(getLine('/'))
      assert.deepEqual([status, body], [422, '{"data":{"a":1}}'])
    })

    for (const status of [204, 304])
      it(`lets a ${status} pass`, async () => {
        stage.behaviour = (_, res) => res.writeHead(status, { ETag: '"1"' }).end()
        await stage.start({ response: () => assert.fail('called') })
        const received = await stage.ask(getLine('/'))
        assert.equal(received.status, status)
        assert.equal(fieldOf(received.head, 'etag'), '"1"')
      })

    it('lets the answer to HEAD pass', async () => {
      stage.behaviour = (_, res) => res.writeHead(200, { ...JSON_TYPE, 'Content-Length': 7 }).end()
      await stage.start({ response: () => assert.fail('called') })
      const { status, head } = await stage.ask(getLine('/').replace('GET', 'HEAD'))
      assert.deepEqual([status, fieldOf(head, 'content-length')], [200, '7'])
    })

    it('lets errors of the gateway pass', async () => {
      stage.behaviour = (req) => req.socket.destroy()
      await stage.start({ response: () => assert.fail('called') })
      await stage.assertFails([502, 'upstream_connection_lost'], getLine('/'))
    })

    it('is asked about what the client will get by the schema of the response', async () => {
      const schema = { type: 'object', required: ['data'] }
      stage.behaviour = (_, res) => res.writeHead(200, { 'Content-Type': 'text/xml' }).end('<a/>')
      await stage.start(
        { response: (r) => ({ body: r.headers['x'] ? {} : { data: 1 } }) },
        { schemas: { response: { 200: schema } } },
      )
      const { status, body } = await stage.ask(getLine('/'))
      assert.deepEqual([status, body], [200, '{"data":1}'])
    })

    it('is refused where it makes what the schema does not allow', async () => {
      await stage.start(
        { response: () => ({ body: { other: 1 }, status: 404 }) },
        { schemas: { response: { 404: { type: 'object', required: ['data'] } } } },
      )
      await stage.assertFails([502, 'upstream_response_invalid'], getLine('/'))
    })

    const failing: readonly (readonly [string, Transform, [number, Code], Options?])[] = [
      ['what it throws', { response: () => assert.fail('x') }, [502, 'upstream_response_invalid']],
      [
        'a promise that rejects',
        { response: () => Promise.reject(new Error('x')) },
        [502, 'upstream_response_invalid'],
      ],
      [
        'a status that is none',
        { response: () => ({ status: 99 }) },
        [502, 'upstream_response_invalid'],
      ],
      [
        'a value of a field that Node refuses',
        { response: () => ({ headers: { a: 'b\nc' } }) },
        [502, 'upstream_response_invalid'],
      ],
      [
        'a body that cannot be written',
        { response: () => ({ body: 1n }) },
        [502, 'upstream_response_invalid'],
      ],
      [
        'a GatewayError as it is',
        {
          response: () => {
            throw new GatewayError('upstream_overloaded')
          },
        },
        [503, 'upstream_overloaded'],
      ],
      ['a body over the limit', wrap, [502, 'upstream_response_too_large'], { responseLimit: 4 }],
    ]
    for (const [name, transform, expected, options] of failing)
      it(`answers ${name}: ${expected.join(' ')}, without the fields of the upstream`, async () => {
        stage.behaviour = (_, res) =>
          res.writeHead(200, { ...JSON_TYPE, 'Set-Cookie': 'a=1', 'X-Own': '1' }).end('{"a":1}')
        await stage.start(transform, options)
        const received = await stage.ask(getLine('/'))
        assert.deepEqual([received.status, problemIn(received).code], expected)
        assert.equal(fieldOf(received.head, 'set-cookie'), undefined)
        assert.equal(fieldOf(received.head, 'x-own'), undefined)
      })

    const broken: readonly (readonly [string, RequestListener, [number, Code]])[] = [
      ['no JSON', (_, res) => res.end('{"a":'), [502, 'upstream_response_invalid']],
      [
        'a coding that is broken',
        (_, res) => res.writeHead(200, { 'Content-Encoding': 'gzip' }).end('abc'),
        [502, 'upstream_encoding_invalid'],
      ],
      [
        'an unknown coding',
        (_, res) => res.writeHead(200, { 'Content-Encoding': 'x' }).end('abc'),
        [502, 'upstream_encoding_invalid'],
      ],
      [
        'a gzip bomb',
        (_, res) =>
          res
            .writeHead(200, { 'Content-Encoding': 'gzip' })
            .end(gzipSync(Buffer.alloc(3_000_000, 32))),
        [502, 'upstream_response_too_large'],
      ],
      [
        'chunks that grow over the limit',
        (_, res) => {
          res.write('[')
          for (let at = 0; at < 40; at++) res.write(`"${'x'.repeat(100_000)}",`)
          res.end('1]')
        },
        [502, 'upstream_response_too_large'],
      ],
      [
        'an upstream that dies in mid-body',
        (_, res) => {
          res.writeHead(200, { 'Content-Length': 100 }).write('{', () => res.destroy())
        },
        [502, 'upstream_response_incomplete'],
      ],
      [
        'an upstream that dies in mid-chunk',
        (_, res) => {
          res.write('{', () => res.destroy())
        },
        [502, 'upstream_response_incomplete'],
      ],
    ]
    for (const [name, behaviour, expected] of broken)
      it(`answers ${name}: ${expected.join(' ')}`, async () => {
        stage.behaviour = behaviour
        await stage.start(wrap)
        await stage.assertFails(expected, getLine('/'))
      })

    it('leaves the verdict of the circuit as it is', async () => {
      const name = `verdicts on ${host.name}`
      await stage.start({ response: () => assert.fail('x') }, { breaker: name })
      for (let at = 0; at < 4; at++)
        await stage.assertFails([502, 'upstream_response_invalid'], getLine('/'))
      const state = () => breakers.list().find((entry) => entry.name === name)?.state
      assert.equal(state(), 'closed')
      stage.behaviour = (_, res) => res.writeHead(500, JSON_TYPE).end('{}')
      await stage.stop()
      await stage.start(
        { response: () => ({ status: 200 }), request: () => ({ path: '/other' }) },
        { breaker: name },
      )
      for (let at = 0; at < 8; at++) await stage.ask(getLine('/'))
      await until(() => state() === 'open')
    })
  })

  describe(`${host.name}, transform: streams of events`, () => {
    let stage: Stage
    beforeEach(() => (stage = new Stage(host)))
    afterEach(() => stage.stop())

    const events =
      (...packets: string[]): RequestListener =>
      (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream', ETag: '"1"' })
        const send = (at: number) => {
          const packet = packets[at]
          if (packet === undefined) res.end()
          else res.write(packet, () => setImmediate(send, at + 1))
        }
        send(0)
      }

    it('changes events one by one, however they are cut, and lets comments pass', async () => {
      stage.behaviour = events('data: a\n\n: ping\n\nda', 'ta: b\nid: 7\nevent: x\n\nretry: 5\n\n')
      await stage.start(exclaim)
      const received = await stage.ask(getLine('/'))
      assert.equal(
        textOf(received),
        'data: a!\n\n: ping\nevent: x\nid: 7\ndata: b!\n\nretry: 5\nevent: done\ndata: \n\n',
      )
      assert.match(received.head, /^transfer-encoding: chunked/im)
      assert.equal(fieldOf(received.head, 'etag'), undefined)
    })

    it('sends each event as soon as it is there', async () => {
      let more: (() => void) | undefined
      stage.behaviour = (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
        more = () => res.end('data: 2\n\n')
      }
      await stage.start(exclaim)
      const seen: string[] = []
      const { body } = await sendWatching(stage.gateway?.port ?? 0, [getLine('/')], (text) => {
        if (seen.length > 0 || !text.includes('data: 1!')) return
        seen.push(text)
        more?.()
      })
      assert.equal(seen.length, 1)
      assert.doesNotMatch(seen[0] ?? '', /data: 2/)
      assert.match(dechunk(body).text, /data: 2!/)
    })

    it('drops the length of a stream that has one', async () => {
      const text = 'data: a\n\n'
      stage.behaviour = (_, res) =>
        res
          .writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Length': text.length })
          .end(text)
      await stage.start(exclaim)
      const { head, body } = await stage.ask(getLine('/'))
      assert.equal(fieldOf(head, 'content-length'), undefined)
      assert.deepEqual(dechunk(body), { text: 'data: a!\n\nevent: done\ndata: \n\n', whole: true })
    })

    it('lets a stream pass that it does not want, and never holds one', async () => {
      stage.behaviour = events('data: a\n\n')
      await stage.start({ response: () => assert.fail('held'), events: () => undefined })
      const received = await stage.ask(getLine('/'))
      assert.equal(textOf(received), 'data: a\n\n')
      assert.equal(fieldOf(received.head, 'etag'), '"1"')
    })

    it('leaves out events, and gives several for one', async () => {
      stage.behaviour = events('data: 0\n\ndata: 2\n\n')
      await stage.start({
        events: () => ({
          push: ({ data }) => Array.from({ length: Number(data) }, () => ({ data: `n${data}` })),
          end: () => [],
        }),
      })
      assert.equal(textOf(await stage.ask(getLine('/'))), 'data: n2\n\ndata: n2\n\n')
    })

    const stopped = /data: a!\n\n\n\nevent: error\ndata: \{.*"code":"(\w+)".*\}\n\n$/

    it('ends with the error event, cut, where an event cannot be changed', async () => {
      let isClosed = false
      stage.behaviour = (_, res) => {
        res.on('close', () => (isClosed = true))
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write('data: a\n\ndata: b\n\n')
      }
      await stage.start({
        events: () => ({
          push: ({ data }) => (data === 'a' ? [{ data: 'a!' }] : assert.fail('x')),
          end: () => [{ data: 'the end' }],
        }),
      })
      const { body } = await stage.ask(getLine('/'))
      const { text, whole } = dechunk(body)
      assert.deepEqual([stopped.exec(text)?.[1], whole], ['upstream_response_invalid', false], text)
      await until(() => isClosed)
    })

    it('ends with the error event where the upstream dies in the middle of an event', async () => {
      stage.behaviour = (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write('data: a\n\nda', () => res.destroy())
      }
      await stage.start(exclaim)
      const { text, whole } = dechunk((await stage.ask(getLine('/'))).body)
      assert.deepEqual([stopped.exec(text)?.[1], whole], ['upstream_response_incomplete', false])
      assert.doesNotMatch(text, /event: done/)
    })

    it('ends with the error event where an event is over the limit', async () => {
      stage.behaviour = (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write('data: a\n\n')
        res.write(`data: ${'x'.repeat(2000)}`)
      }
      await stage.start(exclaim, { responseLimit: 1000 })
      const { text } = dechunk((await stage.ask(getLine('/'))).body)
      assert.equal(stopped.exec(text)?.[1], 'upstream_response_too_large')
    })

    it('is a standard body where it fails before the first byte', async () => {
      stage.behaviour = events('data: a\n\n')
      await stage.start({ events: () => assert.fail('x') })
      await stage.assertFails([502, 'upstream_response_invalid'], getLine('/'))
    })

    it('cannot read a stream that comes encoded', async () => {
      stage.behaviour = (_, res) =>
        res
          .writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'gzip' })
          .end(gzipSync('data: a\n\n'))
      await stage.start(exclaim)
      await stage.assertFails([502, 'upstream_encoding_invalid'], getLine('/'))
    })

    it('stops the upstream while the client does not read', async () => {
      let written = 0
      const chunk = `data: ${'x'.repeat(60_000)}\n\n`
      stage.behaviour = (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        const more = () => {
          while (written < 2000) {
            written++
            if (!res.write(chunk)) return void res.once('drain', more)
          }
        }
        more()
      }
      await stage.start(exclaim)
      const client = connect(stage.gateway?.port ?? 0, '127.0.0.1').pause()
      client.on('error', () => {}).write(getLine('/'))
      let before = -1
      let standing = 0
      // It stands still once all buffers on the way are full.
      await until(() => {
        standing = written > 1 && written === before ? standing + 1 : 0
        before = written
        return standing > 500
      })
      assert.ok(written < 1000, `${written} events`)
      client.destroy()
    })
  })
}
