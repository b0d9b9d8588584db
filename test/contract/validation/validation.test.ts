import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { ErrorInfo, GatewayError, Schemas, ValidateOptions } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { type Api, hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, parse, type Received, sendPart, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const schema = {
  type: 'object',
  required: ['qty'],
  properties: { qty: { type: 'integer', minimum: 1 }, tags: { type: 'array' } },
  additionalProperties: false,
}
const json = 'Content-Type: application/json'
const form = 'Content-Type: application/x-www-form-urlencoded'

for (const host of hosts) {
  describe(`${host.name}, there is no way around a body schema`, () => {
    let received: Buffer[]
    let calls: number
    let upstream: Listening
    let gateway: Listening | undefined
    let reported: [GatewayError, ErrorInfo][]

    before(async () => {
      upstream = await listen(
        createServer((req, res) => {
          calls++
          req.on('data', (chunk: Buffer) => received.push(chunk)).on('end', () => res.end('up'))
        }),
      )
    })
    after(() => upstream.close())
    beforeEach(() => {
      received = []
      reported = []
      calls = 0
    })
    afterEach(() => gateway?.close())

    async function mount(middleware: (api: Api) => object): Promise<number> {
      const forward = createForward()
      gateway = await host.start({
        use: (api) => [
          api.problemDetails({ onError: (error, info) => void reported.push([error, info]) }),
          middleware(api),
        ],
        handler: (req, res) => forward(req, res, upstream.url),
      })
      return gateway.port
    }

    const start = (options: ValidateOptions = {}, schemas: Schemas = { body: schema }) =>
      mount(({ validate }) => validate(schemas, options))

    const head = (body: Buffer | string, ...fields: string[]): string =>
      [
        'POST / HTTP/1.1',
        'Host: gateway',
        'Connection: close',
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...fields,
        '',
        '',
      ].join('\r\n')

    const chunkedHead = (type = json, coding = 'chunked'): string =>
      [
        'POST / HTTP/1.1',
        'Host: gateway',
        'Connection: close',
        type,
        `Transfer-Encoding: ${coding}`,
        '',
        '',
      ].join('\r\n')

    async function post(
      body: Buffer | string,
      fields: readonly string[],
      options: ValidateOptions = {},
    ): Promise<Received> {
      return sendRaw(await start(options), head(body, ...fields), body)
    }

    const good = '{ "qty": 1 }'
    const accepted: [string, string | Buffer, string[], ValidateOptions?][] = [
      ['JSON', good, [json]],
      ['another case, and a charset', good, ['CONTENT-TYPE: Application/JSON; Charset="UTF-8"']],
      ['a suffix', good, ['Content-Type: application/vnd.order+json']],
      ['gzip', gzipSync(good), [json, 'Content-Encoding: gzip']],
      ['deflate', deflateSync(good), [json, 'Content-Encoding: deflate']],
      ['brotli', brotliCompressSync(good), [json, 'Content-Encoding: br']],
      [
        'JSON under the name of plain text',
        good,
        ['Content-Type: text/plain; charset=UTF-8'],
        { contentType: ['text/plain'] },
      ],
      [
        'JSON under another name',
        good,
        ['Content-Type: application/x-amz-json-1.1'],
        { contentType: ['application/csp-report', 'application/x-amz-json-1.1'] },
      ],
      [
        'a form with raw blanks and UTF-8',
        'qty=1&tags=a b&tags=ä',
        [form],
        { contentType: ['application/x-www-form-urlencoded'] },
      ],
      [
        'a form, where it is listed',
        'qty=1',
        [form],
        { contentType: ['application/x-www-form-urlencoded'] },
      ],
      [
        'a form with a list',
        'qty=1&tags=a&tags=b%20c',
        [form],
        { contentType: ['application/json', 'application/x-www-form-urlencoded'] },
      ],
    ]
    for (const [what, body, fields, options] of accepted) {
      it(`accepts ${what}, and forwards it byte for byte`, async () => {
        const answer = await post(body, fields, options)
        assert.equal(answer.status, 200, answer.text)
        assert.deepEqual(Buffer.concat(received), Buffer.from(body))
      })
    }

    const lists = { contentType: ['application/json', 'application/x-www-form-urlencoded'] }
    const refused: [
      string,
      string | Buffer,
      string[],
      string,
      (RegExp | undefined)?,
      ValidateOptions?,
    ][] = [
      [
        'what is no JSON under another name',
        'qty=1',
        ['Content-Type: text/plain'],
        'request_malformed',
        undefined,
        { contentType: ['text/plain'] },
      ],
      ['no Content-Type', good, [], 'unsupported_media_type'],
      ['text/plain', good, ['Content-Type: text/plain'], 'unsupported_media_type'],
      ['a form, where it is not listed', 'qty=1', [form], 'unsupported_media_type'],
      [
        'a Content-Type twice',
        good,
        [json, 'Content-Type: text/plain'],
        'unsupported_media_type',
        /more than one/,
      ],
      [
        'the same Content-Type twice',
        good,
        [json, json],
        'unsupported_media_type',
        /more than one/,
      ],
      [
        'two types in one field',
        good,
        ['Content-Type: application/json, text/plain'],
        'unsupported_media_type',
      ],
      [
        'two charsets',
        good,
        [`${json}; charset=utf-8; charset=utf-7`],
        'unsupported_media_type',
        /charset/,
      ],
      ['another charset', good, [`${json}; charset=utf-16`], 'unsupported_media_type', /charset/],
      [
        'an unknown encoding',
        good,
        [json, 'Content-Encoding: compress'],
        'unsupported_content_encoding',
      ],
      [
        'two encodings',
        gzipSync(gzipSync(good)),
        [json, 'Content-Encoding: gzip, gzip'],
        'unsupported_content_encoding',
      ],
      ['broken gzip', good, [json, 'Content-Encoding: gzip'], 'request_malformed'],
      [
        'bytes after gzip',
        Buffer.concat([gzipSync(good), Buffer.from('x')]),
        [json, 'Content-Encoding: gzip'],
        'request_malformed',
      ],
      [
        'a bomb',
        gzipSync(`"${'x'.repeat(200_000)}"`),
        [json, 'Content-Encoding: gzip'],
        'content_too_large',
        undefined,
        { limit: 100_000 },
      ],
      ['duplicate keys', '{"qty":1,"qty":-1}', [json], 'request_malformed', /line 1, column 10/],
      ['an escaped duplicate', '{"qty":1,"\\u0071ty":-1}', [json], 'request_malformed', /line 1/],
      ['__proto__', '{"qty":1,"__proto__":{}}', [json], 'request_malformed', /line 1, column 10/],
      ['a BOM', `\ufeff${good}`, [json], 'request_malformed'],
      ['trailing bytes', `${good}x`, [json], 'request_malformed', /line 1, column 13/],
      ['a raw NUL', '{"qty":1}\0', [json], 'request_malformed', /line 1, column 10/],
      [
        'invalid UTF-8',
        Buffer.from('{"qty":1,"\xff":1}', 'latin1'),
        [json],
        'request_malformed',
        /byte 11/,
      ],
      ['an overflow', '{"qty":1e999}', [json], 'request_malformed', /column 8/],
      ['depth', `${'['.repeat(65)}${']'.repeat(65)}`, [json], 'request_malformed', /column 65/],
      ['blank', ' \n ', [json], 'request_invalid'],
      ['empty', '', [json], 'request_invalid'],
      ['a wrong form', 'qty=0', [form], 'request_invalid', undefined, lists],
      [
        'a field whose name begins with a question mark',
        '?qty=1',
        [form],
        'request_invalid',
        undefined,
        lists,
      ],
      [
        'a repeated field that is one value',
        'qty=1&qty=2',
        [form],
        'request_invalid',
        undefined,
        lists,
      ],
      [
        'a broken escape in a form',
        'qty=1&tags=%zz',
        [form],
        'request_malformed',
        /character 12/,
        lists,
      ],
      [
        'a form that is not UTF-8',
        'qty=1&tags=%ff',
        [form],
        'request_malformed',
        /character 7/,
        lists,
      ],
      [
        'a form of too many fields',
        `qty=1${'&tags=a'.repeat(1000)}`,
        [form],
        'content_too_large',
        /1000 fields/,
        lists,
      ],
    ]
    for (const [what, body, fields, code, detail = /./, options = {}] of refused) {
      it(`refuses ${what}`, async () => {
        const problem = problemIn(await post(body, fields, options))
        assert.equal(problem.code, code)
        assert.match(problem.detail, detail)
        assert.equal(calls, 0)
      })
    }

    it('refuses a transfer coding that Node does not undo', async () => {
      const body = gzipSync(good)
      const packets = [`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n']
      const answer = await sendRaw(await start(), chunkedHead(json, 'gzip, chunked'), ...packets)
      assert.deepEqual([answer.status, calls], [415, 0])
      assert.equal(problemIn(answer).code, 'unsupported_content_encoding')
    })

    it('refuses another type of a body in chunks at its first byte', async () => {
      const socket = connect(await start(), '127.0.0.1')
      socket.write(`${chunkedHead('Content-Type: text/plain')}1\r\nx`)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      assert.deepEqual([parse(String(answer)).status, calls], [415, 0])
      assert.equal(reported[0]?.[0].code, 'unsupported_media_type')
    })

    describe('and none around a query schema, by a character that some readers take as the end of the query', () => {
      const query = { type: 'object', required: ['x'], properties: { x: { type: 'integer' } } }
      const line = getLine('/orders?x=1#&tenant=1')
      const mounts: [string, (api: Api) => object][] = [
        ['alone', ({ validate }) => validate({ query })],
        ['on a route', ({ routes, validate }) => routes({ 'GET /orders': validate({ query }) })],
        ['on another route', ({ routes, validate }) => routes({ 'GET /x': validate({ query }) })],
      ]
      for (const [where, middleware] of mounts) {
        it(`where it is mounted ${where}`, async () => {
          const problem = problemIn(await sendRaw(await mount(middleware), line))
          assert.deepEqual([problem.code, problem.status, calls], ['request_malformed', 400, 0])
        })
      }

      it('which passes in the mode report, and is reported', async () => {
        const answer = await sendRaw(await start({ mode: 'report' }, { query }), line)
        assert.deepEqual([answer.status, calls], [200, 1])
        assert.deepEqual(
          reported.map(([{ code }, info]) => [code, info.reported]),
          [['request_malformed', true]],
        )
      })
    })

    it('tells which types and encodings it accepts', async () => {
      const type = await post(good, ['Content-Type: text/plain'])
      assert.equal(fieldOf(type.head, 'accept'), 'application/json, application/*+json')
      await gateway?.close()
      const encoding = await post(good, [json, 'Content-Encoding: compress'])
      assert.match(fieldOf(encoding.head, 'accept-encoding') ?? '', /^gzip, deflate, br/)
    })

    it('bounds the number of errors, and says that there are more', async () => {
      const members = Array.from({ length: 30 }, (_, at) => `"m${at}":1`).join()
      const problem = problemIn(await post(`{"qty":1,${members}}`, [json], { maxErrors: 20 }))
      assert.deepEqual([problem.errors?.length, problem.errors_truncated], [20, true])
    })

    it('answers 408 to a body that does not arrive', async () => {
      const port = await start({ bodyTimeout: 50 })
      const answer = await sendPart(port, head('123456789', json), '{')
      assert.equal(problemIn(answer).code, 'request_timeout')
    })

    describe('a client that writes everything before it reads', () => {
      const size = 5_000_000

      it('sees the 413 of an announced length', async () => {
        const port = await start({ limit: 1000 })
        assert.equal(await writeThenRead(port, head('x'.repeat(size), json), size), 413)
      })

      it('sees the 413 of a body in chunks', async () => {
        const port = await start({ limit: 1000 })
        const chunked = `${chunkedHead()}${size.toString(16)}\r\n`
        assert.equal(await writeThenRead(port, chunked, size, '\r\n0\r\n\r\n'), 413)
      })
    })

    describe('in the mode report', () => {
      const cases: [string, string | Buffer, string[], string, ValidateOptions?][] = [
        ['a body that does not match', '{"qty":0}', [json], 'request_invalid'],
        ['what is not JSON', '{', [json], 'request_malformed'],
        ['another type', good, ['Content-Type: text/plain'], 'unsupported_media_type'],
        ['no body', '', [json], 'request_invalid'],
        ['a large body', 'x'.repeat(300_000), [json], 'content_too_large', { limit: 1000 }],
      ]
      for (const [what, body, fields, code, options = {}] of cases) {
        it(`lets ${what} through, and reports it`, async () => {
          const answer = await post(body, fields, { ...options, mode: 'report' })
          assert.equal(answer.status, 200)
          assert.deepEqual(Buffer.concat(received), Buffer.from(body))
          const [[error, info] = []] = reported
          assert.deepEqual([reported.length, error?.code, info?.reported], [1, code, true])
        })
      }

      it('lets a large body in chunks through, whole', async () => {
        const port = await start({ limit: 1000, mode: 'report' })
        const text = 'x'.repeat(200_000)
        const size = text.length.toString(16)
        const answer = await sendRaw(port, chunkedHead(), `${size}\r\n${text}\r\n0\r\n\r\n`)
        assert.deepEqual([answer.status, String(Buffer.concat(received)) === text], [200, true])
      })

      it('lets a slow body through, whole', async () => {
        const port = await start({ bodyTimeout: 50, mode: 'report' })
        const socket = connect(port, '127.0.0.1')
        socket.write(head(good, json) + good.slice(0, 3))
        while (reported.length === 0) await new Promise((resolve) => setImmediate(resolve))
        socket.write(good.slice(3))
        const chunks: Buffer[] = []
        for await (const chunk of socket) chunks.push(chunk as Buffer)
        assert.equal(parse(String(Buffer.concat(chunks))).status, 200)
        assert.equal(String(Buffer.concat(received)), good)
        assert.equal(reported[0]?.[0].code, 'request_timeout')
      })
    })
  })
}

/** Writes all of a request, however long it takes, and only then looks for the answer. */
async function writeThenRead(port: number, head: string, size: number, tail = ''): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  let failure: unknown
  socket.on('error', (error) => (failure = error))
  socket.pause()
  const body = Buffer.alloc(size, ' ')
  socket.write(head)
  await new Promise((resolve) => socket.write(Buffer.concat([body, Buffer.from(tail)]), resolve))
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  assert.equal(failure, undefined)
  return parse(String(Buffer.concat(chunks))).status
}
