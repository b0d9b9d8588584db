import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  listener,
  type OpenApiOptions,
  problemDetails as problems,
  routes,
  type RoutesOptions,
} from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const examples = dirname(fileURLToPath(import.meta.resolve('@readme/oas-examples/package.json')))

const document = `
openapi: 3.0.3
info: { title: Orders, version: '1' }
servers:
  - url: https://api.example/{version}
    variables: { version: { default: v1, enum: [v1, v2] } }
paths:
  /orders:
    post:
      requestBody: { $ref: '#/components/requestBodies/Order' }
      responses: { '201': { description: created } }
    get:
      parameters:
        - { name: page, in: query, schema: { type: integer, minimum: 1, exclusiveMinimum: true } }
        - { name: tag, in: query, schema: { type: array, items: { type: string, maxLength: 3 } } }
        - { name: filter, in: query, style: deepObject, explode: true, schema: { type: object, required: [a] } }
        - { name: ids, in: query, style: pipeDelimited, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: X-Mode, in: header, required: true, schema: { enum: [fast] } }
        - { name: Accept, in: header, required: true, schema: { type: string } }
        - { name: seen, in: cookie, schema: { type: boolean } }
      responses: { '200': { description: ok } }
  /orders/{order-id}:
    parameters:
      - $ref: '#/components/parameters/Id'
    put:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: '#/components/schemas/Order' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Order' } }
          application/octet-stream: {}
      responses: { '200': { description: ok } }
components:
  parameters:
    Id: { name: order-id, in: path, required: true, schema: { type: integer } }
  requestBodies:
    Order:
      content:
        application/json: { schema: { $ref: '#/components/schemas/Order' } }
  schemas:
    Order:
      type: object
      x-internal: yes
      required: [id, qty]
      properties:
        id: { type: string, readOnly: true }
        qty: { type: integer, format: int32 }
        note: { type: string, nullable: true, enum: [short, long] }
        parent: { nullable: true, allOf: [{ $ref: '#/components/schemas/Order' }] }
`

/** A document with the paths that are given. */
const describing = (paths: object, more: object = {}) => ({ openapi: '3.1.0', paths, ...more })
const parameter = (where: string, name: string, schema: object, more: object = {}) => ({
  in: where,
  name,
  schema,
  ...(where === 'path' && { required: true }),
  ...more,
})
const content = (schema: object, type = 'application/json') => ({
  required: true,
  content: { [type]: { schema } },
})
const integer = { type: 'integer' }

const composed = describing({
  '/compare/{base}...{head}': {
    get: {
      parameters: [parameter('path', 'base', integer), parameter('path', 'head', { maxLength: 5 })],
    },
  },
  '/files/{name}.json': { get: { parameters: [parameter('path', 'name', integer)] } },
  '/a/{ids}': {
    get: { parameters: [parameter('path', 'ids', { type: 'array', items: integer })] },
  },
})

/** In the words of 3.0, which are none of JSON Schema. */
const positive = { ...integer, minimum: 0, exclusiveMinimum: true }
const named = describing(
  {
    '/a': {
      get: {
        parameters: [
          { $ref: '#/components/parameters/tags' },
          { $ref: '#/components/parameters/example' },
          { $ref: '#/components/parameters/schema' },
        ],
      },
      post: { requestBody: { $ref: '#/components/requestBodies/tags' } },
      put: { requestBody: { $ref: '#/components/requestBodies/example' } },
      patch: { requestBody: { $ref: '#/components/requestBodies/schema' } },
    },
  },
  {
    openapi: '3.0.3',
    components: {
      parameters: {
        tags: parameter('query', 'tag', positive),
        example: parameter('query', 'eg', positive),
        schema: parameter('query', 'like', positive),
      },
      requestBodies: {
        tags: content(positive),
        example: content(positive),
        schema: content(positive),
      },
    },
  },
)

const identified = describing(
  {
    '/a': { post: { requestBody: content({ $ref: '#/components/schemas/Own' }) } },
  },
  {
    components: {
      schemas: {
        Own: {
          $id: 'https://example.com/own',
          type: 'object',
          properties: { q: { $ref: '#/$defs/q' } },
          $defs: { q: integer },
        },
      },
    },
  },
)

const spread = describing({
  '/a': {
    get: {
      parameters: [
        parameter(
          'query',
          'filter',
          { allOf: [{ type: 'object', required: ['a'] }] },
          { required: true },
        ),
      ],
    },
  },
})

const versions = describing({
  '/a': {
    post: {
      requestBody: {
        required: true,
        content: {
          'application/json; version=1': { schema: { type: 'object', required: ['one'] } },
          'application/json; version=2': { schema: { type: 'object', required: ['two'] } },
        },
      },
    },
  },
  '/range': {
    post: { requestBody: content({ type: 'object', required: ['one'] }, 'application/*') },
  },
  '/any': { post: { requestBody: content({ type: 'object', required: ['one'] }, '*/*') } },
})

const nullable = describing(
  {
    '/a': {
      post: {
        requestBody: content({
          type: 'object',
          properties: {
            a: { enum: ['x'], nullable: true },
            b: { type: 'string', enum: ['x'], nullable: true },
            c: { nullable: true, allOf: [{ $ref: '#/components/schemas/Named' }] },
            d: { $ref: '#/components/schemas/Named/properties/inner' },
          },
        }),
      },
    },
  },
  {
    openapi: '3.0.3',
    servers: [
      { url: '../v1/{stage}', variables: { stage: { default: 'live', enum: ['live', 'test'] } } },
    ],
    components: {
      schemas: {
        Named: {
          nullable: true,
          type: 'object',
          allOf: [{ required: ['inner'] }],
          properties: { inner: { type: 'integer' } },
        },
      },
    },
  },
)

const upload = describing({
  '/a': { post: { requestBody: content({ type: 'object' }, 'multipart/form-data') } },
})

type Options = RoutesOptions & OpenApiOptions

for (const host of hosts) {
  describe(`${host.name}, routes of an OpenAPI document`, () => {
    let upstream: Listening
    let gateway: Listening | undefined

    before(async () => {
      upstream = await listen(
        createServer((req, res) => req.resume().on('end', () => res.end('up'))),
      )
    })
    after(() => upstream.close())
    afterEach(() => gateway?.close())

    async function start(options: Options = {}, given: object | string = document) {
      const forward = createForward()
      gateway = await host.start({
        use: ({ problemDetails, routes: table }) => [
          problemDetails(),
          table.fromOpenAPI(given, options),
        ],
        handler: (req, res) => forward(req, res, upstream.url),
      })
      return gateway.port
    }

    function send(port: number, line: string, type?: string, body = '') {
      const [method = '', path = ''] = line.split(' ')
      const head = getLine(
        path,
        ...(type ? [`Content-Type: ${type}`] : []),
        ...(body ? [`Content-Length: ${body.length}`] : []),
      )
      return sendRaw(port, head.replace('GET', method) + body)
    }

    function assertIssue(received: Received, where: string, at: string): void {
      const { code, errors } = problemIn(received)
      assert.equal(code, 'request_invalid')
      assert.deepEqual(
        errors?.map((issue) => [issue.in, issue.pointer ?? issue.name]),
        [[where, at]],
      )
    }

    const json = 'application/json'
    const form = 'application/x-www-form-urlencoded'
    const queries: [string, string, string | undefined][] = [
      ['/v1/orders?page=2&tag=a&tag=b', 'X-Mode: fast', undefined],
      ['/v2/orders?tag=a', 'X-Mode: fast', undefined],
      ['/v1/orders?page=1', 'X-Mode: fast', 'query page'],
      ['/v1/orders?tag=long', 'X-Mode: fast', 'query tag'],
      ['/v1/orders?filter[b]=1', 'X-Mode: fast', 'query filter[a]'],
      ['/v1/orders?filter[a]=1', 'X-Mode: fast', undefined],
      ['/v1/orders?ids=1%7Cx', 'X-Mode: fast', 'query ids'],
      ['/v1/orders?ids=1%7C2', 'X-Mode: fast', undefined],
      ['/v1/orders', 'X-Mode: slow', 'headers x-mode'],
      ['/v1/orders', 'X-Other: fast', 'headers x-mode'],
      ['/v1/orders', 'X-Mode: fast\r\nCookie: seen=maybe', 'cookies seen'],
    ]
    for (const [path, field, wrong] of queries) {
      it(`${wrong ? 'refuses' : 'passes'} ${path} with ${JSON.stringify(field)}`, async () => {
        const received = await sendRaw(await start(), getLine(path, field))
        if (wrong === undefined) assert.equal(received.status, 200)
        else assertIssue(received, ...(wrong.split(' ') as [string, string]))
      })
    }

    const bodies: [string, string | undefined, string, number, string?][] = [
      ['POST /v1/orders', json, '{"qty":1,"note":null,"parent":null}', 200],
      ['POST /v1/orders', undefined, '', 200],
      ['POST /v1/orders', json, '{"qty":"1"}', 400, '#/qty'],
      ['POST /v1/orders', json, '{"qty":3000000000}', 400, '#/qty'],
      ['POST /v1/orders', json, '{"qty":1,"parent":{}}', 400, '#/parent/qty'],
      ['POST /v1/orders', 'text/plain', '{"qty":1}', 415],
      ['PUT /v1/orders/7', json, '{"qty":1}', 200],
      ['PUT /v1/orders/7', undefined, '', 400, '#'],
      ['PUT /v1/orders/7', form, 'qty=1', 200],
      ['PUT /v1/orders/7', form, 'qty=one', 400, '#/qty'],
      ['PUT /v1/orders/7', 'application/octet-stream', '{"qty":"1"}', 200],
    ]
    for (const [line, type, body, status, at] of bodies) {
      it(`answers ${status} to ${line} ${type ?? ''} ${body}`, async () => {
        const received = await send(await start(), line, type, body)
        assert.equal(received.status, status, received.text)
        if (at !== undefined) assertIssue(received, 'body', at)
      })
    }

    const multipart = 'multipart/form-data; boundary=b'
    const described: [
      ReturnType<typeof describing>,
      string,
      string | undefined,
      string,
      number,
      string?,
    ][] = [
      [composed, 'GET /compare/1...main', undefined, '', 200],
      [composed, 'GET /compare/one...main', undefined, '', 400, 'params base'],
      [composed, 'GET /compare/1...longer', undefined, '', 400, 'params head'],
      [composed, 'GET /files/1.json', undefined, '', 200],
      [composed, 'GET /files/one.JSON', undefined, '', 400, 'params name'],
      [composed, 'GET /a/1,2,3', undefined, '', 200],
      [composed, 'GET /a/1,x', undefined, '', 400, 'params ids'],
      [named, 'GET /a?tag=1&eg=1&like=1', undefined, '', 200],
      [named, 'GET /a?tag=x', undefined, '', 400, 'query tag'],
      [named, 'GET /a?eg=x', undefined, '', 400, 'query eg'],
      [named, 'GET /a?like=x', undefined, '', 400, 'query like'],
      [named, 'POST /a', json, '"x"', 400, 'body #'],
      [named, 'PUT /a', json, '"x"', 400, 'body #'],
      [named, 'PATCH /a', json, '"x"', 400, 'body #'],
      [named, 'PATCH /a', json, '1', 200],
      [identified, 'POST /a', json, '{"q":1}', 200],
      [identified, 'POST /a', json, '{"q":"x"}', 400, 'body #/q'],
      [spread, 'GET /a?a=1', undefined, '', 200],
      [spread, 'GET /a?filter=x', undefined, '', 400, 'query a'],
      [versions, 'POST /a', 'application/json; version=1', '{"one":1}', 200],
      [versions, 'POST /a', 'application/json;version="2"', '{"one":1}', 400, 'body #/two'],
      [versions, 'POST /a', 'application/json; version=2', '{"two":1}', 200],
      [versions, 'POST /a', 'application/json; version=3', '{"two":1}', 415],
      [versions, 'POST /a', 'application/json', '{"two":1}', 415],
      [versions, 'POST /a', 'application/json; version=1; version=2', '{"one":1}', 415],
      [versions, 'POST /range', json, '{}', 400, 'body #/one'],
      [versions, 'POST /range', 'application/x+json', '{}', 400, 'body #/one'],
      [versions, 'POST /range', 'application/xml', '<x/>', 415],
      [versions, 'POST /range', 'application/octet-stream', '{}', 415],
      [versions, 'POST /any', 'text/plain', '{}', 415],
      [nullable, 'POST /v1/live/a', json, '{"a":null,"b":null,"c":null,"d":1}', 200],
      [nullable, 'POST /v1/test/a', json, '{"a":"x","b":"x","c":{"inner":1}}', 200],
      [nullable, 'POST /v1/live/a', json, '{"a":"y"}', 400, 'body #/a'],
      [nullable, 'POST /v1/live/a', json, '{"b":"y"}', 400, 'body #/b'],
      [nullable, 'POST /v1/live/a', json, '{"c":{"inner":"1"}}', 400, 'body #/c/inner'],
      [nullable, 'POST /v1/live/a', json, '{"d":"1"}', 400, 'body #/d'],
      [upload, 'POST /a', undefined, '', 400, 'body #'],
      [upload, 'POST /a', multipart, '', 400, 'body #'],
      [upload, 'POST /a', multipart, '--b--', 200],
    ]
    for (const [given, line, type, body, status, wrong] of described) {
      const title = `${line} ${type ?? ''} ${body}, as described in ${Object.keys(given.paths).join()}`
      it(`answers ${status} to ${title}`, async () => {
        const received = await send(await start({}, given), line, type, body)
        assert.equal(received.status, status, received.text)
        if (wrong) assertIssue(received, ...(wrong.split(' ') as [string, string]))
      })
    }

    it('checks that a body is there which passes unread, and came in chunks', async () => {
      const port = await start({}, upload)
      const head = getLine(
        '/a',
        `Content-Type: ${multipart}`,
        'Transfer-Encoding: chunked',
      ).replace('GET', 'POST')
      assertIssue(await sendRaw(port, head, '0\r\n\r\n'), 'body', '#')
      assert.equal((await sendRaw(port, head, '5\r\n--b--\r\n0\r\n\r\n')).status, 200)
    })

    it('takes a path for another one where its segment has not the form', async () => {
      for (const [otherwise, status] of [
        ['pass', 200],
        ['refuse', 404],
      ] as const) {
        const port = await start({ otherwise }, composed)
        for (const path of ['/compare/1..main', '/compare/...main', '/files/x.txt', '/files/.json'])
          assert.equal((await sendRaw(port, getLine(path))).status, status, path)
        await gateway?.close()
      }
    })

    it('checks path parameters under the names of the document', async () => {
      const received = await send(await start(), 'PUT /v1/orders/seven', json, '{"qty":1}')
      assertIssue(received, 'params', 'order-id')
    })

    it('passes what the document does not know, or refuses it', async () => {
      const open = await start()
      assert.equal((await sendRaw(open, getLine('/other'))).status, 200)
      await gateway?.close()
      const port = await start({ otherwise: 'refuse' })
      assert.equal(problemIn(await sendRaw(port, getLine('/other'))).code, 'route_not_found')
      const received = await send(port, 'DELETE /v1/orders')
      assert.equal(problemIn(received).code, 'method_not_allowed')
      assert.equal(fieldOf(received.head, 'allow'), 'GET, HEAD, POST')
    })

    it('compiles at the first use where it is told so', async () => {
      const broken = document.replace('type: integer, format: int32', 'type: integre')
      assert.throws(() => routes.fromOpenAPI(broken), /POST \/orders: the schema of body/)
      const port = await start({ compile: 'first-use' }, broken)
      const fast = await sendRaw(port, getLine('/v1/orders', 'X-Mode: fast'))
      assert.equal(fast.status, 200)
      const received = await send(port, 'POST /v1/orders', json, '{"qty":1}')
      assert.equal(problemIn(received).code, 'gateway_misconfigured')
    })

    it('only reports in the mode report', async () => {
      const port = await start({ mode: 'report' })
      assert.equal((await send(port, 'POST /v1/orders', json, '{"qty":"1"}')).status, 200)
    })
  })
}

describe('an OpenAPI document', () => {
  const minimal = { openapi: '3.1.0', paths: { '/a': { get: {} } } }
  const circular = { type: 'object', properties: {} }
  circular.properties = { child: circular }
  const wrong: [string, unknown, RegExp][] = [
    ['nothing', undefined, /document: pass an OpenAPI document/],
    ['a broken text', '{"openapi":', /document: neither JSON nor YAML/],
    ['broken YAML', 'a: [', /document: neither JSON nor YAML/],
    [
      'Swagger 2',
      { swagger: '2.0' },
      /openapi: the version swagger 2\.0 is not supported; convert/,
    ],
    ['no operation', { openapi: '3.1.0', paths: {} }, /paths: there is no operation/],
    ['a path without a slash', { ...minimal, paths: { a: {} } }, /paths\.a: must start with "\/"/],
    [
      'a reference out of it',
      { ...minimal, paths: { '/a': { get: { parameters: [{ $ref: 'b.yaml' }] } } } },
      /\/paths\/~1a\/get\/parameters\/0: \$ref "b\.yaml" is outside of the document; bundle it/,
    ],
    [
      'a reference to nowhere, in a schema',
      { ...minimal, components: { schemas: { A: { items: { $ref: '#/no' } } } } },
      /\/components\/schemas\/A\/items: \$ref "#\/no" leads nowhere/,
    ],
    [
      'a circle of references',
      { ...minimal, paths: { '/a': { $ref: '#/paths/~1a' } } },
      /\/paths\/~1a: its \$ref leads in a circle/,
    ],
    [
      'a segment of two parameters',
      { ...minimal, paths: { '/a{b}{c}': { get: {} } } },
      /GET \/a\{b\}\{c\}: the segment "a\{b\}\{c\}" has two parameters with nothing between/,
    ],
    [
      'a dereferenced document in which a schema holds itself',
      describing({ '/a': { post: { requestBody: content(circular) } } }),
      /document: goes in a circle; pass it with its \$refs, not dereferenced/,
    ],
    [
      'a schema that is null',
      { ...minimal, components: { schemas: { A: null } } },
      /\/components\/schemas\/A: must be a schema/,
    ],
    [
      'a merge key that no parser has merged',
      { ...minimal, components: { schemas: { A: { '<<': { type: 'object' } } } } },
      /\/components\/schemas\/A\/<<: is a merge key that was not merged; pass the text/,
    ],
    [
      'a yes that is text',
      describing({
        '/a': { get: { parameters: [parameter('query', 'q', integer, { required: 'yes' })] } },
      }),
      /\/paths\/\/a\/get\/parameters\/0\/required: must be true or false/,
    ],
    [
      'two paths that cannot be told apart',
      { ...minimal, paths: { '/{a}': { get: {} }, '/{b}': { get: {} } } },
      /"GET \/:b": cannot be distinguished from "GET \/:a"/,
    ],
  ]
  for (const [what, given, message] of wrong) {
    it(`is refused in one line: ${what}`, () => {
      assert.throws(
        () => routes.fromOpenAPI(given as object),
        (error: unknown) =>
          error instanceof TypeError &&
          message.test(error.message) &&
          !error.message.includes('\n'),
      )
    })
  }

  for (const [option, message] of [
    ['maxErors', /^routes\.fromOpenAPI: unknown option "maxErors"; did you mean "maxErrors"\?$/],
    ['schemas', /^routes\.fromOpenAPI: unknown option "schemas"/],
    ['contentType', /^routes\.fromOpenAPI: unknown option "contentType"/],
  ] as const) {
    it(`knows no option ${option}`, () => {
      const options: object = { [option]: ['application/json'] }
      assert.throws(() => routes.fromOpenAPI(minimal, options), { name: 'TypeError', message })
    })
  }

  it('may have merge keys of YAML, and names that look like fields', async () => {
    const text = `
openapi: 3.0.3
paths:
  /a:
    post:
      requestBody: { required: true, content: { application/json: { schema: { $ref: '#/components/schemas/B' } } } }
components:
  parameters:
    explode: { in: query, name: explode, schema: { type: string } }
  schemas:
    A: &a { type: object, required: [q], properties: { q: { type: integer }, nullable: { type: string } } }
    B: { <<: *a, maxProperties: 2 }
`
    const server = await listen(
      createServer(listener(problems(), routes.fromOpenAPI(text), (_req, res) => res.end())),
    )
    const post = (body: string) =>
      sendRaw(
        server.port,
        getLine('/a', 'Content-Type: application/json', `Content-Length: ${body.length}`).replace(
          'GET',
          'POST',
        ) + body,
      )
    assert.equal((await post('{"q":1}')).status, 200)
    for (const body of ['{"q":"1"}', '{}', '{"q":1,"a":1,"b":2}'])
      assert.equal((await post(body)).status, 400, body)
    await server.close()
  })

  it('may have paths that only their form tells apart', async () => {
    const parameters = (...names: string[]) =>
      names.map((name) => ({ in: 'path', required: true, schema: integer, name }))
    const paths = {
      '/compare/{basehead}': { get: { parameters: parameters('basehead') } },
      '/compare/{base}...{head}': { get: { parameters: parameters('base', 'head') } },
      '/compare/{name}.json': { get: { parameters: parameters('name') } },
    }
    const server = await listen(
      createServer(
        listener(
          problems(),
          routes.fromOpenAPI({ ...minimal, paths }, { otherwise: 'refuse' }),
          (_req, res) => res.end(),
        ),
      ),
    )
    const refused: Record<string, string[]> = {
      '1': [],
      '1...2': [],
      '1.json': [],
      x: ['basehead'],
    }
    Object.assign(refused, { 'x...2': ['base'], '1...x': ['head'], 'x.json': ['name'] })
    for (const [text, names] of Object.entries(refused)) {
      const received = await sendRaw(server.port, getLine(`/compare/${text}`))
      const errors = names.length === 0 ? [] : (problemIn(received).errors ?? [])
      assert.deepEqual(
        [received.status, ...errors.map(({ name }) => name)],
        [names.length === 0 ? 200 : 400, ...names],
        text,
      )
    }
    await server.close()
  })

  it('stays as it is', () => {
    const given = structuredClone(minimal)
    routes.fromOpenAPI(given)
    assert.deepEqual(given, minimal)
  })

  it('with 1,000 operations mounts in seconds', () => {
    const starTrek = JSON.parse(
      readFileSync(join(examples, '3.0/json/star-trek.json'), 'utf8'),
    ) as { paths: Record<string, object> }
    const paths: Record<string, object> = {}
    for (let copy = 0; countOf(paths) < 1000; copy++)
      for (const [path, item] of Object.entries(starTrek.paths)) paths[`/${copy}${path}`] = item
    const begin = process.cpuUsage()
    routes.fromOpenAPI({ ...starTrek, paths })
    const { user, system } = process.cpuUsage(begin)
    // Of the processor, which others may use at the same time: two seconds, and twice that on slow ones.
    const seconds = (user + system) / 1e6
    assert.ok(seconds < 10, `${seconds} s`)
  }).timeout(30_000)

  /** Documents that are wrong themselves, and the place that the error names. */
  const faulty: Record<string, RegExp> = {
    'parameters-common': /two parameters are named "id"/,
    'schema-validation-local': /exclusiveMaximum value must be/,
    'schema-validation-top-level': /exclusiveMaximum value must be/,
    webhooks: /there is no operation/,
  }
  for (const folder of ['3.0/json', '3.0/yaml', '3.1/json', '3.1/yaml']) {
    it(`that was published mounts: all of ${folder}`, () => {
      const files = readdirSync(join(examples, folder)).filter((name) =>
        /\.(json|yaml)$/.test(name),
      )
      assert.ok(files.length > 10)
      for (const file of files) {
        const text = readFileSync(join(examples, folder, file), 'utf8')
        const fault = faulty[file.replace(/\.\w+$/, '')]
        if (fault) assert.throws(() => routes.fromOpenAPI(text), fault)
        else assert.doesNotThrow(() => routes.fromOpenAPI(text), file)
      }
    }).timeout(30_000)
  }

  const countOf = (paths: Record<string, object>): number =>
    Object.values(paths).flatMap((item) => Object.keys(item).filter((key) => key.length < 8)).length
})
