import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Listening, listen } from '../support/servers.js'
import { diagnosed, found, run } from './command.js'
import { diagnoseAnswer, diagnoseHere, linesOf } from './here.js'

const JSON_TYPE = 'Content-Type: application/json'

const DOCUMENT = `
openapi: 3.1.0
info: { title: Orders, version: '1' }
servers: [{ url: /v1 }]
paths:
  /orders/{id}:
    get:
      parameters:
        - { name: id, in: path, required: true, schema: { type: integer } }
        - { name: limit, in: query, schema: { type: integer, maximum: 10 } }
      responses:
        '200':
          content:
            application/json: { schema: { $ref: '#/components/schemas/Order' } }
        default:
          content:
            application/json: { schema: { type: object, required: [error] } }
  /orders:
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: '#/components/schemas/Order' } }
      responses:
        2XX:
          content:
            application/json: { schema: { type: object, required: [id] } }
components:
  schemas:
    Order:
      type: object
      required: [customer]
      properties: { customer: { type: string }, qty: { type: integer, minimum: 1 } }
`
const SCHEMA = { type: 'object', required: ['customer'], properties: { qty: { minimum: 1 } } }

describe('diagnose: the payload', function () {
  this.timeout(20_000)

  describe('content type against content', () => {
    for (const [what, fields, body, code, says] of [
      [
        'a page of HTML that says it is JSON',
        [JSON_TYPE],
        '<!doctype html><title>Login</title>',
        'upstream_response_invalid',
        /Content-Type says JSON, and the body is a page of HTML/,
      ],
      [
        'JSON with a fault, and its place',
        [JSON_TYPE],
        '{\n  "a": 1,\n}',
        'upstream_response_invalid',
        /is not: a member name in double quotes expected at line 3, column 1/,
      ],
      [
        'JSON that is not UTF-8',
        [JSON_TYPE],
        '"\u0080"',
        'upstream_response_invalid',
        /is not UTF-8/,
      ],
      [
        'a member twice',
        [JSON_TYPE],
        '{"a":1,"a":2}',
        undefined,
        /warning: readers of JSON differ about a second member named "a"/,
      ],
      [
        'JSON that says it is text',
        ['Content-Type: text/plain'],
        '{"a":1}',
        undefined,
        /warning: the body is JSON, and Content-Type says "text\/plain"/,
      ],
      ['no type at all', [], 'hello', undefined, /warning: the body has no Content-Type/],
      [
        'good JSON',
        ['Content-Type: application/x+json'],
        '{"a":1}',
        undefined,
        /note: JSON, 7 bytes/,
      ],
      [
        'what is not compressed, and says so',
        [JSON_TYPE, 'Content-Encoding: gzip'],
        '{"a":1}',
        'upstream_encoding_invalid',
        /not what Content-Encoding "gzip" says/,
      ],
      [
        'a coding that is not known',
        [JSON_TYPE, 'Content-Encoding: snappy'],
        '{"a":1}',
        undefined,
        /note: Content-Encoding "snappy" cannot be undone here/,
      ],
    ] as const) {
      it(`finds ${what}`, async () => {
        const bytes = body.includes('\u0080') ? Buffer.from(body, 'latin1') : Buffer.from(body)
        const server = await listen(
          createServer((req, res) => {
            for (const field of fields) res.setHeader(...(field.split(': ') as [string, string]))
            res.setHeader('Connection', 'close')
            res.end(req.method === 'HEAD' ? undefined : bytes)
          }),
        )
        const diagnosis = await diagnoseHere({ url: new URL(server.url) })
        await server.close()
        assert.equal(diagnosis.verdict.code, code, JSON.stringify(diagnosis, null, 1))
        assert.match(linesOf(diagnosis, 'payload'), says)
      })
    }

    it('finds a page of HTML where the call wants JSON', async () => {
      const server = await listen(
        createServer((_req, res) => {
          res.setHeader('Content-Type', 'text/html')
          res.end('<html><body>Please log in</body></html>')
        }),
      )
      const url = new URL(server.url)
      const plain = await diagnoseHere({ url })
      const wanting = await diagnoseHere({ url, headers: [['Accept', 'application/json']] })
      await server.close()
      assert.equal(plain.verdict.code, undefined)
      assert.equal(wanting.verdict.code, 'upstream_response_invalid')
      assert.match(linesOf(wanting, 'payload'), /a page of HTML, where the call wants JSON/)
    })

    it('looks into what is compressed', async () => {
      const server = await listen(
        createServer((_req, res) => {
          res.setHeader('Content-Type', 'application/json')
          res.setHeader('Content-Encoding', 'gzip')
          res.end(gzipSync('{"a":1,}'))
        }),
      )
      const diagnosis = await diagnoseHere({ url: new URL(server.url) })
      await server.close()
      assert.equal(diagnosis.verdict.code, 'upstream_response_invalid')
    })

    it('keeps no more than it can hold of a large body, which is no fault', async () => {
      const body = JSON.stringify('x'.repeat(2_000_000))
      const diagnosis = await diagnoseAnswer('200 OK', [JSON_TYPE], body)
      assert.equal(diagnosis.verdict.code, undefined)
      assert.match(linesOf(diagnosis, 'payload'), /1\.9 MB: too much to look into/)
    })

    it('blames the request where its JSON is broken and the server refuses it', async () => {
      const server = await listen(
        createServer((req, res) => void req.resume().once('end', () => res.writeHead(400).end())),
      )
      const diagnosis = await diagnoseHere({
        url: new URL(server.url),
        method: 'POST',
        headers: [['Content-Type', 'application/json']],
        body: Buffer.from('{"a":1,}'),
      })
      await server.close()
      assert.equal(diagnosis.verdict.code, 'request_malformed')
      assert.match(diagnosis.verdict.questions.right, /^No: .* at line 1, column 8/)
    })
  })

  describe('against files', () => {
    let folder: string
    let server: Listening
    const file = (name: string, text: string): string => {
      const path = join(folder, name)
      writeFileSync(path, text)
      return path
    }
    let openapi: string
    let schema: string

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'good-gateway-diagnose-'))
      openapi = file('openapi.yaml', DOCUMENT)
      schema = file('schema.json', JSON.stringify(SCHEMA))
      server = await listen(
        createServer((req, res) => {
          res.setHeader('Content-Type', 'application/json')
          const body = req.url?.includes('/2') === true ? { qty: 0 } : { id: 1, customer: 'Ada' }
          req.resume().once('end', () => res.end(JSON.stringify(body)))
        }),
      )
    })
    after(async () => {
      rmSync(folder, { recursive: true })
      await server.close()
    })

    it('says where a response breaks its schema, in words', async () => {
      const report = await diagnosed(['--schema', schema, `${server.url}/2`])
      assert.equal(report.code, 'upstream_response_invalid')
      assert.match(found(report, 'payload'), /fault: response #\/customer is required/)
      assert.match(found(report, 'payload'), /note: response #\/qty must be >= 1/)
    })

    it('says that a response matches its schema', async () => {
      const report = await diagnosed(['--schema', schema, `${server.url}/1`])
      assert.equal(report.exit, 0)
      assert.match(found(report, 'payload'), /note: the response matches its schema/)
    })

    it('says where a request breaks its schema', async () => {
      const args = ['--request-schema', schema, '-d', '{"qty":0}', `${server.url}/1`]
      const report = await diagnosed(args)
      assert.equal(report.code, 'request_invalid')
      assert.match(found(report, 'payload'), /fault: the request: body #\/customer is required/)
      assert.match(report.questions.right, /^No: /)
      const good = await diagnosed([
        '--request-schema',
        schema,
        '-d',
        '{"customer":"A"}',
        server.url,
      ])
      assert.match(found(good, 'payload'), /the request matches its schema/)
    })

    for (const [what, args, path, code, says] of [
      ['a good call', [], '/v1/orders/1', null, /the response matches its schema/],
      [
        'a path parameter',
        [],
        '/v1/orders/x',
        'request_invalid',
        /the request: params id must be an integer/,
      ],
      [
        'a query parameter',
        [],
        '/v1/orders/1?limit=11',
        'request_invalid',
        /the request: query limit must be <= 10/,
      ],
      ['a response', [], '/v1/orders/2', 'upstream_response_invalid', /response #\/customer/],
      [
        'a path that it does not have',
        [],
        '/v2/orders/1',
        'request_invalid',
        /the document does not describe GET \/v2\/orders\/1/,
      ],
      ['a good body', ['-d', '{"customer":"A"}'], '/v1/orders', null, /the request matches/],
      ['a bad body', ['-d', '{"qty":1}'], '/v1/orders', 'request_invalid', /body #\/customer/],
      [
        'a body of another type',
        ['-d', 'a=b'],
        '/v1/orders',
        'request_invalid',
        /headers content-type must be application\/json/,
      ],
      ['no body', ['-X', 'POST'], '/v1/orders', 'request_invalid', /body # is missing/],
    ] as const) {
      it(`compares ${what} with an OpenAPI document`, async () => {
        const report = await diagnosed([...args, '--openapi', openapi, server.url + path])
        assert.equal(report.code, code, JSON.stringify(report, null, 1))
        assert.match(found(report, 'payload'), says)
      })
    }

    for (const [what, args, says] of [
      [
        'a file that is not there',
        ['--schema', 'none.json'],
        /--schema: .* cannot be read \(ENOENT\)/,
      ],
      ['a schema that does not compile', ['--schema', 'BAD'], /--schema: the schema of response/],
      ['a schema that is no JSON', ['--request-schema', 'YAML'], /--request-schema: /],
      ['a document that is none', ['--openapi', 'BAD'], /--openapi: openapi: the version/],
    ] as const) {
      it(`refuses ${what} before it makes the call`, async () => {
        const paths: Readonly<Record<string, string>> = {
          BAD: file('bad.json', '{"type":"no"}'),
          YAML: openapi,
        }
        const [option, name] = args
        const { status, stderr } = await run(['diagnose', option, paths[name] ?? name, server.url])
        assert.equal(status, 2)
        assert.match(stderr, says)
      })
    }
  })
})
