import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import {
  listener,
  type OpenApiOptions,
  problemDetails,
  routes,
  type RoutesOptions,
} from 'good-gateway'
import * as koaApi from 'good-gateway/koa'
import Koa from 'koa'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const named = {
  type: 'object',
  required: ['id', 'name', 'password'],
  properties: {
    id: { type: 'string', readOnly: true },
    name: { type: 'string', pattern: '^\\p{L}+$' },
    password: { type: 'string', writeOnly: true },
  },
}
const pet = (kind: string, member: string) => ({
  type: 'object',
  required: ['kind', member],
  properties: { kind: { enum: [kind] }, [member]: { type: 'integer' } },
})
const document = {
  openapi: '3.1.0',
  paths: {
    '/items/{item-id}': {
      parameters: [{ in: 'path', name: 'item-id', required: true, schema: { type: 'integer' } }],
      get: {
        operationId: 'getItem',
        parameters: [
          {
            in: 'query',
            name: 'tags',
            explode: false,
            schema: { type: 'array', items: { type: 'string' } },
          },
        ],
        responses: {
          200: {
            headers: {
              'x-rate': { required: true, schema: { type: 'integer' } },
              'X-List': { schema: { type: 'array', items: { type: 'integer' } } },
            },
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/Derived' } },
              'text/plain': { schema: { type: 'string' } },
            },
          },
          204: { description: 'nothing' },
          '4XX': {
            content: { 'application/json': { schema: { type: 'object', required: ['error'] } } },
          },
        },
      },
      put: {
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Derived' } } },
        },
      },
      post: {
        operationId: 'addPet',
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
        },
      },
    },
  },
  components: {
    schemas: {
      Named: named,
      Strict: { type: 'object', required: ['stamp'] },
      Derived: {
        allOf: [
          { $ref: '#/components/schemas/Named' },
          { $ref: '#/components/schemas/Strict' },
          { required: ['size'] },
        ],
        properties: { size: { readOnly: true }, stamp: { type: 'integer', readOnly: true } },
      },
      Cat: pet('cat', 'lives'),
      Dog: pet('dog', 'legs'),
      Pet: {
        oneOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: '#/components/schemas/Dog' }],
        discriminator: {
          propertyName: 'kind',
          mapping: { cat: '#/components/schemas/Cat', dog: 'Dog' },
        },
      },
    },
  },
}

const issueOf = (received: Received) => {
  const [issue] = problemIn(received).errors ?? []
  return [issue?.in, issue?.pointer ?? issue?.name, issue?.code]
}

for (const host of hosts) {
  describe(`${host.name}, the operations of a document`, () => {
    let gateway: Listening
    let upstream: Listening
    let answer: { status: number; headers: Record<string, string>; body: string }
    before(async () => {
      upstream = await listen(
        createServer((req, res) => {
          req
            .resume()
            .on('end', () => res.writeHead(answer.status, answer.headers).end(answer.body))
        }),
      )
    })
    after(() => upstream.close())
    afterEach(() => gateway.close())
    const start = async (options: OpenApiOptions & RoutesOptions = {}): Promise<void> => {
      const forward = createForward()
      gateway = await host.start({
        use: (api) => [api.problemDetails(), api.routes.fromOpenAPI(document, options)],
        handler: (req, res) => forward(req, res, upstream.url),
      })
      answer = { status: 204, headers: {}, body: '' }
    }
    const send = (method: string, body: string) =>
      sendRaw(
        gateway.port,
        getLine(
          '/items/1',
          'Content-Type: application/json',
          `Content-Length: ${Buffer.byteLength(body)}`,
        ).replace('GET', method) + body,
      )

    it('do not require of a request what only the server writes, wherever that is said', async () => {
      await start()
      assert.equal((await send('PUT', '{"name":"Ünal","password":"x"}')).status, 204)
      assert.deepEqual(issueOf(await send('PUT', '{"name":"Ünal"}')), [
        'body',
        '#/password',
        'required',
      ])
      assert.deepEqual(issueOf(await send('PUT', '{"name":"a1","password":"x"}')), [
        'body',
        '#/name',
        'pattern',
      ])
    })

    it('choose the branch of a union by its discriminator, and tell of that alone', async () => {
      await start()
      assert.equal((await send('POST', '{"kind":"dog","legs":4}')).status, 204)
      assert.deepEqual(issueOf(await send('POST', '{"kind":"dog","lives":9}')), [
        'body',
        '#/legs',
        'required',
      ])
      assert.deepEqual(issueOf(await send('POST', '{"kind":"cow"}')), ['body', '#/kind', 'enum'])
      assert.deepEqual(issueOf(await send('POST', '{}')), ['body', '#/kind', 'required'])
    })

    it('put their template and their name on the exchange', async () => {
      const told: unknown[] = []
      gateway = await host.start({
        use: (api) => [
          api.problemDetails(),
          api.routes.fromOpenAPI(document),
          api.routes({ 'GET /plain/:id': api.connect((_req, _res, next) => next()) }),
          api.circuitBreaker({
            name: `operations ${host.name}`,
            key: ({ route, operationId, url, params }) => {
              told.push([route, operationId, url, { ...params }])
              return 'a'
            },
          }),
        ],
        handler: (_req, res) => res.end(),
      })
      await sendRaw(gateway.port, getLine('/items/7?x=1'))
      await sendRaw(gateway.port, getLine('/plain/x'))
      await sendRaw(gateway.port, getLine('/other'))
      assert.deepEqual(told.slice(0, 3), [
        ['/items/{item-id}', 'getItem', '/items/7?x=1', { 'item-id': '7' }],
        ['/plain/:id', undefined, '/plain/x', { id: 'x' }],
        [undefined, undefined, '/other', {}],
      ])
    })

    describe('with responses', () => {
      const good = { id: 'a', name: 'b', stamp: 1, size: 1 }
      const json = 'application/json'
      type Case = readonly [
        what: string,
        status: number,
        headers: Record<string, string>,
        body: string,
        found: string | undefined,
      ]
      const cases: readonly Case[] = [
        [
          'what is described',
          200,
          { 'Content-Type': json, 'X-Rate': '1', 'X-List': '1,2' },
          JSON.stringify(good),
          undefined,
        ],
        [
          'a type that is not read',
          200,
          { 'Content-Type': 'text/plain', 'X-Rate': '1' },
          'x',
          undefined,
        ],
        ['a status without content', 204, {}, '', undefined],
        ['an error that is described', 404, { 'Content-Type': json }, '{"error":1}', undefined],
        ['an error that is not described', 503, { 'Content-Type': 'text/html' }, '<p>', undefined],
        [
          'a body that is not as described',
          200,
          { 'Content-Type': json, 'X-Rate': '1' },
          '{"id":"a","name":"b","stamp":1}',
          'required',
        ],
        [
          'a field that is not there',
          200,
          { 'Content-Type': json },
          JSON.stringify(good),
          'required',
        ],
        [
          'a field of another type',
          200,
          { 'Content-Type': json, 'X-Rate': 'x' },
          JSON.stringify(good),
          'type',
        ],
        [
          'a list of another type',
          200,
          { 'Content-Type': json, 'X-Rate': '1', 'X-List': '1,x' },
          JSON.stringify(good),
          'type',
        ],
        [
          'another type',
          200,
          { 'Content-Type': 'text/html', 'X-Rate': '1' },
          '<p>',
          'contentMediaType',
        ],
        [
          'another status',
          201,
          { 'Content-Type': json, 'X-Rate': '1' },
          JSON.stringify(good),
          'status',
        ],
        ['an error that is not as described', 404, { 'Content-Type': json }, '{}', 'required'],
      ]
      for (const [what, status, headers, body, found] of cases)
        it(`${found ? 'refuse' : 'pass'} ${what}`, async () => {
          await start({ responses: true })
          answer = { status, headers, body }
          const received = await sendRaw(gateway.port, getLine('/items/1'))
          if (found === undefined) {
            assert.equal(received.status, status, received.body)
            return assert.ok(received.body.includes(body))
          }
          assert.equal(problemIn(received).code, 'upstream_response_invalid')
          assert.deepEqual(issueOf(received)[2], found)
        })

      it('are not checked unless that is asked for', async () => {
        await start()
        answer = { status: 201, headers: { 'Content-Type': 'text/html' }, body: '<p>' }
        assert.equal((await sendRaw(gateway.port, getLine('/items/1'))).status, 201)
      })
    })
  })
}

describe('what the middleware of a document knows of a request', () => {
  it('are its parts, its template and its operation, on Connect', async () => {
    const api = routes.fromOpenAPI(document)
    let seen: unknown
    const gateway = await listen(
      createServer(
        listener(problemDetails(), api, (req, res) => {
          seen = api.valid(req)
          res.end()
        }),
      ),
    )
    await sendRaw(gateway.port, getLine('/items/7?tags=a,b'))
    assert.deepEqual(JSON.parse(JSON.stringify(seen)), {
      params: { 'item-id': 7 },
      query: { tags: ['a', 'b'] },
    })
    await gateway.close()
    assert.throws(
      () => api.valid({} as IncomingMessage),
      /no operation of this document has let the request pass/,
    )
  })

  it('are the parameters of Koa', async () => {
    const api = koaApi.routes.fromOpenAPI(document)
    const app = new Koa()
    app.use(koaApi.problemDetails()).use(api)
    app.use((ctx) => {
      ctx.body = { params: Reflect.get(ctx, 'params'), valid: api.valid(ctx) }
    })
    const gateway = await listen(createServer(app.callback()))
    const { body } = await sendRaw(gateway.port, getLine('/items/7'))
    await gateway.close()
    assert.deepEqual(JSON.parse(body), {
      params: { 'item-id': '7' },
      valid: { params: { 'item-id': 7 }, query: {} },
    })
  })
})
