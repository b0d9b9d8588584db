import assert from 'node:assert/strict'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from 'node:http'
import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { brotliCompressSync, createGzip, deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import compression from 'compression'
import {
  breakers,
  type ConnectMiddleware,
  type ErrorInfo,
  type GatewayError,
  type ResponseSchemas,
} from 'good-gateway'
import * as api from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

const schema = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer' } },
  additionalProperties: false,
}
const good = '{ "id": 1 }'
const bad = '{ "id": "secret" }'
const json = { 'Content-Type': 'application/json' }

/** What is not about the connection to the upstream. */
function endToEnd(fields: IncomingHttpHeaders): OutgoingHttpHeaders {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = fields
  return headers
}

/** Ways to relay a response that know nothing of good-gateway. */
const proxies: Record<string, (url: string) => Handler> = {
  'http-proxy': (url) => {
    const forward = createForward()
    return (req, res) => forward(req, res, url)
  },
  'a pipe from http.request': (url) => (req, res) => {
    request(url + req.url, { method: req.method ?? 'GET' }, (answer) => {
      res.writeHead(answer.statusCode ?? 0, endToEnd(answer.headers))
      answer.pipe(res)
    })
      .on('error', () => {})
      .end()
  },
  'pipeline() from http.request': (url) => (req, res) => {
    request(url + req.url, { method: req.method ?? 'GET' }, (answer) => {
      res.writeHead(answer.statusCode ?? 0, endToEnd(answer.headers))
      pipeline(answer, res).catch(() => {})
    })
      .on('error', () => {})
      .end()
  },
  fetch: (url) => async (req, res) => {
    const answer = await fetch(url + req.url, { method: req.method ?? 'GET' })
    // fetch has undone the coding.
    const {
      'content-encoding': _,
      'content-length': __,
      ...headers
    } = endToEnd(Object.fromEntries(answer.headers))
    res.writeHead(answer.status, headers)
    if (answer.body === null) res.end()
    else await pipeline(Readable.fromWeb(answer.body as never), res).catch(() => {})
  },
}

interface Options {
  readonly response?: ResponseSchemas
  readonly mode?: 'report'
  readonly limit?: number
  readonly breaker?: string
  readonly guarded?: false
  /** What is mounted before all others. */
  readonly outside?: ConnectMiddleware
}

for (const host of hosts) {
  describe(`${host.name}, responses with a schema`, () => {
    let reported: [GatewayError, ErrorInfo][]
    let upstream: Listening | undefined
    let gateway: Listening | undefined

    beforeEach(() => {
      reported = []
    })

    afterEach(async () => {
      await gateway?.close()
      await upstream?.close()
      gateway = upstream = undefined
    })

    async function start(handler: Handler, answer: Handler, options: Options = {}) {
      upstream = await listen(createServer(answer))
      const {
        response = { 200: schema, '4xx': schema },
        breaker,
        guarded,
        outside,
        ...rest
      } = options
      gateway = await host.start({
        use: ({ connect, problemDetails, validate, circuitBreaker }) => [
          ...(outside ? [connect(outside)] : []),
          ...(guarded === false
            ? []
            : [problemDetails({ onError: (error, info) => void reported.push([error, info]) })]),
          validate({ response }, rest),
          ...(breaker ? [circuitBreaker({ name: breaker })] : []),
        ],
        handler,
      })
      return gateway.port
    }

    async function ask(answer: Handler, options: Options = {}, line = getLine('/')) {
      const relay: Handler = (req, res) => proxies['http-proxy']?.(upstream?.url ?? '')(req, res)
      return sendRaw(await start(relay, answer, options), line)
    }

    function assertRefused(received: Received, code: string): void {
      const problem = problemIn(received)
      assert.deepEqual([received.status, problem.code], [502, 'upstream_response_invalid'])
      assert.deepEqual(
        problem.errors?.map((issue) => [issue.in, issue.code]),
        [['response', code]],
      )
      assert.equal(reported[0]?.[0].options.errors?.[0]?.code, code)
      assert.doesNotMatch(received.text, /secret/)
    }

    for (const [name, proxy] of Object.entries(proxies)) {
      describe(`through ${name}`, () => {
        const through: Handler = (req, res) => proxy(upstream?.url ?? '')(req, res)

        it('passes a response that matches, byte for byte', async () => {
          const port = await start(through, (_req, res) =>
            res.writeHead(200, { ...json, ETag: '"1"' }).end(good),
          )
          const received = await sendRaw(port, getLine('/'))
          assert.equal(received.status, 200)
          assert.equal(fieldOf(received.head, 'etag'), '"1"')
          const chunked = /transfer-encoding: chunked/i.test(received.head)
          assert.equal(chunked ? dechunk(received.body).text : received.body, good)
        })

        it('answers 502 in place of one that does not match, and shows nothing of it', async () => {
          const port = await start(through, (_req, res) =>
            res.writeHead(200, { ...json, 'Set-Cookie': 'session=secret' }).end(bad),
          )
          assertRefused(await sendRaw(port, getLine('/')), 'type')
        })

        it('streams a body over the limit as it comes', async () => {
          const large = JSON.stringify({ id: 'x'.repeat(300_000) })
          const port = await start(through, (_req, res) => res.writeHead(200, json).end(large), {
            limit: 100_000,
          })
          const received = await sendRaw(port, getLine('/'))
          const chunked = /transfer-encoding: chunked/i.test(received.head)
          assert.equal(received.status, 200)
          assert.equal(chunked ? dechunk(received.body).text : received.body, large)
        })

        const dies: Handler = (_req, res) => {
          res.writeHead(200, { ...json, 'Content-Length': 100, 'Set-Cookie': 'a=secret' })
          res.write('{', () => res.socket?.resetAndDestroy())
        }

        it('answers 502 when the upstream dies while its response is held', async () => {
          const port = await start(through, dies)
          const received = await sendRaw(port, getLine('/'))
          assert.equal(problemIn(received).code, 'upstream_response_incomplete')
          assert.doesNotMatch(received.text, /secret/)
        })

        it('sends the whole of that 502 through a compressor that is mounted before', async () => {
          const outside = compression({ threshold: 0 }) as never
          const port = await start(through, dies, { outside })
          const received = await sendRaw(port, getLine('/', 'Accept-Encoding: gzip'))
          assert.equal(fieldOf(received.head, 'content-encoding'), 'gzip')
          const { text, whole } = dechunk(received.body)
          assert.ok(whole)
          const body = String(gunzipSync(Buffer.from(text, 'latin1')))
          assert.equal(problemIn({ ...received, body }).code, 'upstream_response_incomplete')
        })
      })
    }

    const faults: [string, string, Record<string, string>, string | Buffer][] = [
      ['no Content-Type', 'contentMediaType', {}, good],
      ['another Content-Type', 'contentMediaType', { 'Content-Type': 'text/html' }, good],
      [
        'a Content-Type that only begins like that of events',
        'contentMediaType',
        { 'Content-Type': 'text/event-stream-x' },
        good,
      ],
      [
        'a charset that is not UTF-8',
        'contentMediaType',
        { 'Content-Type': 'application/json; charset=latin1' },
        good,
      ],
      ['no JSON', 'format', json, '{"id":1'],
      ['nothing', 'format', json, ''],
      ['bytes that are not UTF-8', 'format', json, Buffer.from([0x22, 0xff, 0x22])],
      ['a missing member', 'required', json, '{}'],
      ['broken gzip', 'format', { ...json, 'Content-Encoding': 'gzip' }, good],
    ]
    for (const [what, code, headers, body] of faults) {
      it(`refuses ${what}`, async () => {
        assertRefused(
          await ask((_req, res) => {
            res.writeHead(200, { ...headers, 'Set-Cookie': 'session=secret' }).end(body)
          }),
          code,
        )
      })
    }

    it('shows no name of a member that the schema does not know', async () => {
      const received = await ask((_req, res) => res.writeHead(200, json).end('{"id":1,"secret":2}'))
      assertRefused(received, 'additionalProperties')
      assert.match(String(reported[0]?.[0].cause), /#\/secret/)
    })

    const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }
    for (const [coding, encode] of Object.entries(codings)) {
      it(`decodes ${coding} for the check, and forwards the bytes as they came`, async () => {
        const encoded = encode(good)
        const headers = { ...json, 'Content-Encoding': coding, 'Content-Length': encoded.length }
        const received = await ask((_req, res) => res.writeHead(200, headers).end(encoded))
        assert.deepEqual(Buffer.from(received.body, 'latin1'), encoded)
        await gateway?.close()
        await upstream?.close()
        assertRefused(
          await ask((_req, res) =>
            res.writeHead(200, { ...json, 'Content-Encoding': coding }).end(encode(bad)),
          ),
          'type',
        )
      })
    }

    it('takes the schema of the status, of its class, or the default', async () => {
      const response = { 200: schema, '2xx': { const: 1 }, default: { const: 2 } }
      const cases: [number, string, boolean][] = [
        [200, good, true],
        [200, '1', false],
        [201, '1', true],
        [201, '2', false],
        [404, '2', true],
        [503, '1', false],
      ]
      for (const [status, body, passes] of cases) {
        const received = await ask((_req, res) => res.writeHead(status, json).end(body), {
          response,
        })
        assert.equal(received.status, passes ? status : 502, `${status} ${body}`)
        await gateway?.close()
        await upstream?.close()
      }
    })

    it('refuses a success that is not described, and passes errors and redirections that are not', async () => {
      const response = { 200: schema }
      assertRefused(
        await ask((_req, res) => res.writeHead(202, json).end(good), { response }),
        'status',
      )
      for (const status of [302, 404, 500]) {
        await gateway?.close()
        await upstream?.close()
        const received = await ask((_req, res) => res.writeHead(status).end('own'), { response })
        assert.equal(received.status, status)
      }
    })

    const bypasses: [string, string, number, Record<string, string>, string][] = [
      ['an event stream', 'GET', 200, { 'Content-Type': 'text/event-stream' }, 'data: 1\n\n'],
      ['the answer to HEAD', 'HEAD', 200, { 'Content-Type': 'text/html' }, ''],
      ['204', 'GET', 204, {}, ''],
      ['206', 'GET', 206, { 'Content-Type': 'application/json' }, '"id'],
      ['304', 'GET', 304, {}, ''],
    ]
    for (const [what, method, status, headers, body] of bypasses) {
      it(`lets ${what} by`, async () => {
        const received = await ask(
          (_req, res) => res.writeHead(status, headers).end(body),
          { response: { default: false } },
          getLine('/').replace('GET', method),
        )
        assert.deepEqual([received.status, reported.length], [status, 0])
        assert.match(received.body, new RegExp(body))
      })
    }

    it('sends the events of a stream when they come', async () => {
      let finish = () => {}
      const relay: Handler = (req, res) => proxies['http-proxy']?.(upstream?.url ?? '')(req, res)
      const port = await start(relay, (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
        finish = () => res.end('data: 2\n\n')
      })
      const text = await new Promise<string>((resolve, reject) => {
        request({ port, host: '127.0.0.1' }, (answer) => {
          let seen = ''
          answer.on('data', (chunk: Buffer) => {
            seen += String(chunk)
            finish()
          })
          answer.once('end', () => resolve(seen))
        })
          .once('error', reject)
          .end()
      })
      assert.equal(text, 'data: 1\n\ndata: 2\n\n')
    })

    it("passes the application's own errors", async () => {
      const port = await start(
        (_req, res) => res.writeHead(503, { 'Content-Type': 'text/plain' }).end('own'),
        () => {},
        { response: { default: schema } },
      )
      assert.equal((await sendRaw(port, getLine('/'))).status, 503)
    })

    it('answers an error that the application throws as gateway_error, not as a broken schema', async () => {
      const { error } = console
      console.error = () => {}
      const port = await start(
        () => {
          // polka takes the code for a status.
          throw Object.assign(new Error('defect'), { code: 'EOWN' })
        },
        () => {},
      )
      const received = await sendRaw(port, getLine('/'))
      console.error = error
      assert.deepEqual([received.status, problemIn(received).code], [500, 'gateway_error'])
    })

    it("checks the application's own successes too", async () => {
      const port = await start(
        (_req, res) => res.writeHead(200, json).end(bad),
        () => {},
      )
      assertRefused(await sendRaw(port, getLine('/')), 'type')
    })

    it('does not count a response that breaks its schema against the circuit', async () => {
      const name = `promises on ${host.name}`
      await ask((_req, res) => res.writeHead(200, json).end(bad), { breaker: name })
      assert.equal(reported[0]?.[0].options.upstream, name)
      await gateway?.close()
      const entry = breakers.get(name)
      assert.equal(entry?.state, 'closed')
      entry?.release()
    })

    it('works without problemDetails', async () => {
      const received = await ask((_req, res) => res.writeHead(200, json).end(bad), {
        guarded: false,
      })
      assert.equal(received.status, 502)
      assert.doesNotMatch(received.text, /secret/)
    })

    it('lets everything through in the mode report, and reports what it would have refused', async () => {
      const received = await ask((_req, res) => res.writeHead(200, json).end(bad), {
        mode: 'report',
      })
      assert.deepEqual([received.status, dechunk(received.body).text || received.body], [200, bad])
      const [[error, info] = []] = reported
      assert.deepEqual(
        [reported.length, error?.code, info?.reported, info?.problem.status],
        [1, 'upstream_response_invalid', true, 502],
      )
    })

    describe('while they are held', () => {
      it('throw at once for a field that Node refuses, and begin with the next head', async () => {
        let refused: unknown
        const port = await start(
          (_req, res) => {
            try {
              res.writeHead(200, { ...json, 'X-Note': 'a\nb' }).end(good)
            } catch (error) {
              refused = error
              res.writeHead(500, { 'Content-Type': 'text/html' }).end('own page')
            }
          },
          () => {},
        )
        const received = await sendRaw(port, getLine('/'))
        assert.equal((refused as NodeJS.ErrnoException).code, 'ERR_INVALID_CHAR')
        const { head, body, status } = received
        assert.deepEqual([status, fieldOf(head, 'content-type')], [500, 'text/html'])
        assert.equal(dechunk(body).text || body, 'own page')
        assert.equal(reported.length, 0)
      })

      it('look like a response whose head is out', async () => {
        const seen: unknown[] = []
        const attempt = (work: () => unknown) => {
          try {
            work()
            seen.push('done')
          } catch (error) {
            seen.push((error as NodeJS.ErrnoException).code)
          }
        }
        const port = await start(
          async (_req, res) => {
            res.writeHead(200, json)
            seen.push(res.headersSent, res.writableEnded)
            attempt(() => res.writeHead(500))
            attempt(() => res.setHeader('X-Late', '1'))
            attempt(() => res.removeHeader('Content-Type'))
            await new Promise((resolve) => res.write('{"id"', resolve))
            seen.push(res.write(':1'))
            res.end('}')
            seen.push(res.headersSent, res.writableEnded)
          },
          () => {},
        )
        const received = await sendRaw(port, getLine('/'))
        const late = 'ERR_HTTP_HEADERS_SENT'
        assert.deepEqual(seen, [true, false, late, late, late, true, true, true])
        assert.deepEqual([received.status, fieldOf(received.head, 'x-late')], [200, undefined])
        assert.equal(dechunk(received.body).text, '{"id":1}')
      })

      it('keep the framing that Node would have chosen', async () => {
        const port = await start(
          (_req, res) => res.setHeader('Content-Type', 'application/json').end(good),
          () => {},
        )
        const received = await sendRaw(port, getLine('/'))
        assert.equal(fieldOf(received.head, 'content-length'), String(good.length))
      })

      it('have back-pressure, drain events and callbacks again above the limit', async () => {
        const chunk = Buffer.alloc(60_000, ' ')
        const port = await start(
          async (_req, res) => {
            res.writeHead(200, json)
            const first = res.write(chunk)
            const second = res.write(chunk)
            let third = true
            for (let count = 0; third && count < 500; count++) third = res.write(chunk)
            await new Promise((resolve) => res.once('drain', resolve))
            await new Promise((resolve) =>
              res.end(String([first, second, third]), resolve as never),
            )
          },
          () => {},
          { limit: 100_000 },
        )
        const { text, whole } = dechunk((await sendRaw(port, getLine('/'))).body)
        assert.deepEqual([whole, text.trim()], [true, 'true,false,false'])
      })

      it('call the callback of end also where the response is replaced', async () => {
        let called = () => {}
        const callback = new Promise<void>((resolve) => (called = resolve))
        const port = await start(
          (_req, res) => void res.writeHead(200, json).end(bad, called),
          () => {},
        )
        assertRefused(await sendRaw(port, getLine('/')), 'type')
        await callback
      })

      it('are dropped when the client leaves', async () => {
        let left = () => {}
        let sent = true
        const gone = new Promise<void>((resolve) => (left = resolve))
        const port = await start(
          (_req, res) => {
            res.writeHead(200, json).write('{')
            res.once('close', () => {
              sent = res.headersSent
              res.end('}')
              left()
            })
            client.destroy()
          },
          () => {},
        )
        const client = request({ port, host: '127.0.0.1' }).once('error', () => {})
        client.end()
        await gone
        assert.deepEqual(
          reported.map(([error]) => error.code),
          ['client_closed_request'],
        )
        assert.equal(sent, false)
      })
    })
  })
}

describe('responses with a schema, elsewhere', () => {
  const mount = (handler: Handler) =>
    api.listener(api.problemDetails(), api.validate({ response: { 200: schema } }), handler)

  it('are held on HTTP/2 too', async () => {
    for (const [body, status] of [
      [good, 200],
      [bad, 502],
    ] as const) {
      const server = await listen(
        createHttp2Server(mount((_req, res) => res.writeHead(200, json).end(body)) as never),
      )
      const session = connectHttp2(server.url)
      const stream = session.request({ ':path': '/' })
      const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }]
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk as Buffer)
      const text = String(Buffer.concat(chunks))
      assert.deepEqual([headers[':status'], text.includes('secret')], [status, false])
      if (status === 200) assert.equal(text, good)
      session.destroy()
      await server.close()
    }
  })

  it('are checked through a compressor that is mounted between', async () => {
    const compress: Handler = (_req, res) => {
      const { write, end, writeHead } = res
      const gzip = createGzip()
      gzip.on('data', (chunk: Buffer) => Reflect.apply(write, res, [chunk]))
      gzip.once('end', () => Reflect.apply(end, res, []))
      Object.assign(res, {
        writeHead: (status: number, fields: object) =>
          Reflect.apply(writeHead, res, [status, { ...fields, 'Content-Encoding': 'gzip' }]),
        write: (chunk: string) => gzip.write(chunk),
        end: (chunk?: string) => (gzip.end(chunk), res),
      })
    }
    for (const [body, status] of [
      [good, 200],
      [bad, 502],
    ] as const) {
      const server = await listen(
        createServer(
          mount((req, res) => {
            compress(req, res)
            res.writeHead(200, json)
            res.write(body.slice(0, 3))
            res.end(body.slice(3))
          }),
        ),
      )
      const received = await sendRaw(server.port, getLine('/'))
      assert.equal(received.status, status)
      if (status === 200) {
        const zipped = Buffer.from(dechunk(received.body).text, 'latin1')
        assert.equal(String(gunzipSync(zipped)), good)
      } else assert.equal(problemIn(received).code, 'upstream_response_invalid')
      await server.close()
    }
  })
})
