import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import {
  listener,
  problemDetails,
  type Schemas,
  validate,
  type ValidateOptions,
} from 'good-gateway'
import httpProxy from 'http-proxy'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const role = { enum: ['user', 'guest'] }
const form = 'application/x-www-form-urlencoded'

/** The branches of a union, behind a reference, with a list and a pattern. */
const body = {
  type: 'object',
  properties: { role, list: { type: 'array', items: { $ref: '#/$defs/person' } } },
  anyOf: [{ properties: { ID: { type: 'integer' } } }, { properties: { kind: {} } }],
  patternProperties: { '^x-': { type: 'string' } },
  $defs: {
    person: { type: 'object', allOf: [{ properties: { Name: {}, sku: {} } }] },
    map: { type: 'object', properties: { role }, additionalProperties: role },
  },
}

const places: [
  what: string,
  schemas: Schemas,
  type: string | undefined,
  sent: string,
  name: string,
][] = [
  ['another case', { body }, 'application/json', '{"role":"user","ROLE":"admin"}', '#/ROLE'],
  ['another case alone', { body }, 'application/json', '{"Role":"admin"}', '#/Role'],
  ['a long s', { body }, 'application/json', '{"list":[{"\u017fku":1}]}', '#/list/0/%C5%BFku'],
  ['a Kelvin sign', { body }, 'application/json', '{"\\u212aind":1}', '#/%E2%84%AAind'],
  ['another case in a union', { body }, 'application/json', '{"id":1}', '#/id'],
  [
    'another case in a list',
    { body },
    'application/json',
    '{"list":[{},{"name":1}]}',
    '#/list/1/name',
  ],
  ['a field with brackets', { body }, form, 'role=user&role[]=admin', '#/role%5B%5D'],
  ['a field that begins with one', { body }, form, '%5Brole%5D=admin', '#/%5Brole%5D'],
  ['a field that ends with one', { body }, form, 'role]=admin', '#/role%5D'],
  ['a field in another case', { body }, form, 'ROLE=admin', '#/ROLE'],
]
const queries: [string, string][] = [
  ['role=user&role[$ne]=x', 'role[$ne]'],
  ['role%5B%5D=x', 'role[]'],
  ['role[a][b]=x', 'role[a][b]'],
  ['[role]=x', '[role]'],
  ['[[role=x', '[[role'],
  ['role]=x', 'role]'],
  ['role[=x', 'role['],
  ['+role=x', ' role'],
  ['role%00a=x', 'role\0a'],
  ['Role=x', 'Role'],
  ['ids=1', 'ids'],
  ['ids[0]=1', 'ids[0]'],
  ['page[size]=1&page[Size]=2', 'page[Size]'],
  ['page[size][a]=2', 'page[size][a]'],
  ['user.id=1', 'user.id'],
]
const query = {
  type: 'object',
  properties: { role, 'ids[]': { type: 'array' }, 'page[size]': {}, user_id: {} },
  patternProperties: { '^free\\[': {} },
}

for (const host of hosts) {
  describe(`${host.name}, names that lenient readers take for declared ones`, () => {
    let gateway: Listening
    afterEach(() => gateway.close())
    const start = async (schemas: Schemas, options: ValidateOptions = {}): Promise<void> => {
      gateway = await host.start({
        use: (api) => [api.problemDetails(), api.validate(schemas, options)],
        handler: (req, res) => req.resume().on('end', () => res.end('up')),
      })
    }
    const post = (text: string, type: string, ...fields: string[]): Promise<Received> =>
      sendRaw(
        gateway.port,
        getLine(
          '/',
          `Content-Type: ${type}`,
          `Content-Length: ${Buffer.byteLength(text)}`,
          ...fields,
        ).replace('GET', 'POST') + text,
      )
    const assertLookalike = (received: Received, where: string, name: string): void => {
      assert.equal(received.status, 400, received.text)
      const [issue] = problemIn(received).errors ?? []
      assert.deepEqual(
        [issue?.in, issue?.pointer ?? issue?.name, issue?.code],
        [where, name, 'lookalike'],
      )
    }
    const types = { contentType: ['application/json', form] }

    for (const [what, schemas, type = '', sent, name] of places)
      it(`refuses ${what}: ${sent}`, async () => {
        await start(schemas, types)
        assertLookalike(await post(sent, type), 'body', name)
      })

    for (const [search, name] of queries)
      it(`refuses the query ${search}`, async () => {
        await start({ query })
        assertLookalike(await sendRaw(gateway.port, getLine(`/?${search}`)), 'query', name)
      })

    it('passes what is declared, and what is read as nothing that is', async () => {
      await start({ query, body }, types)
      const good = [
        ['role=user&ids[]=1&page[size]=1&page[number]=2&free[x]=1&roles=1&x[role]=1&page=1', '{}'],
        [
          '',
          '{"role":"user","x-Role":"1","roles":1,"list":[{"Name":1,"other":{"ROLE":1}}],"ID":1}',
        ],
      ]
      for (const [search = '', text = ''] of good) {
        const sent = getLine(
          `/?${search}`,
          'Content-Type: application/json',
          `Content-Length: ${text.length}`,
        )
        const received = await sendRaw(gateway.port, sent.replace('GET', 'POST') + text)
        assert.equal(received.status, 200, received.text)
      }
    })

    it('takes any name for declared where the others have a schema, but not where they are only allowed', async () => {
      await start({ body: { ...body, $ref: '#/$defs/map' } })
      assert.equal((await post('{"ROLE":"user"}', 'application/json')).status, 200)
      await gateway.close()
      await start({ body: { ...body, additionalProperties: {} } })
      assertLookalike(await post('{"ROLE":"user"}', 'application/json'), 'body', '#/ROLE')
    })

    it('refuses brackets in the names of cookies, and passes another case', async () => {
      await start({ cookies: { type: 'object', properties: { role } } })
      const ask = (cookie: string) => sendRaw(gateway.port, getLine('/', `Cookie: ${cookie}`))
      assertLookalike(await ask('role=user; role[]=admin'), 'cookies', 'role[]')
      assertLookalike(await ask('role[a]=admin'), 'cookies', 'role[a]')
      assert.equal((await ask('ROLE=admin; role=user')).status, 200)
    })

    it('refuses a header field that CGI takes for a checked one', async () => {
      await start({ headers: { type: 'object', properties: { 'x-tenant': { const: 'a' } } } })
      const ask = (...fields: string[]) => sendRaw(gateway.port, getLine('/', ...fields))
      assertLookalike(await ask('X-Tenant: a', 'X_Tenant: b'), 'headers', 'x_tenant')
      assertLookalike(await ask('x.tenant: b'), 'headers', 'x.tenant')
      assert.equal((await ask('X-Tenant: a', 'x_other: b')).status, 200)
    })

    it('refuses a Connection that lists a checked field, which proxies then drop', async () => {
      await start({
        headers: { type: 'object', required: ['x-tenant'], properties: { 'x-tenant': {} } },
        cookies: {},
      })
      const ask = (listed: string) =>
        sendRaw(gateway.port, getLine('/', 'X-Tenant: a').replace('close', `close, ${listed}`))
      assert.equal(problemIn(await ask('X-Tenant')).code, 'request_malformed')
      assert.equal(problemIn(await ask('Cookie')).code, 'request_malformed')
      assert.equal((await ask('x-other')).status, 200)
    })

    it('takes a field twice for a list, of which Node itself would show the first only', async () => {
      await start({
        headers: { type: 'object', properties: { authorization: { type: 'string' } } },
      })
      const ask = (...fields: string[]) => sendRaw(gateway.port, getLine('/', ...fields))
      assert.equal((await ask('Authorization: a')).status, 200)
      const { errors } = problemIn(await ask('Authorization: a', 'AUTHORIZATION: b'))
      assert.deepEqual([errors?.[0]?.name, errors?.[0]?.code], ['authorization', 'type'])
    })

    it('knows a field that is only required', async () => {
      await start({ headers: { type: 'object', required: ['x-tenant'] } })
      const ask = (...fields: string[]) =>
        sendRaw(gateway.port, getLine('/', 'X-Tenant: a', ...fields))
      assertLookalike(await ask('x_tenant: b'), 'headers', 'x_tenant')
      const dropped = getLine('/', 'X-Tenant: a').replace('close', 'close, x-tenant')
      assert.equal((await sendRaw(gateway.port, dropped)).status, 400)
      assert.equal((await ask()).status, 200)
    })

    it('refuses two ways to say how a body is read', async () => {
      await start({ body: true })
      for (const field of [
        'Content_Type: text/plain',
        'content_length: 0',
        'Transfer_Encoding: chunked',
      ])
        assert.equal(
          problemIn(await post('{}', 'application/json', field)).code,
          'request_malformed',
          field,
        )
      const sent = getLine('/', 'Content-Type: application/json', 'Content-Length: 2')
      const listed = sent.replace('GET', 'POST').replace('close', 'close, Content-Type')
      assert.equal(problemIn(await sendRaw(gateway.port, `${listed}{}`)).code, 'request_malformed')
    })

    it('refuses several members of gzip', async () => {
      await start({ body: { type: 'object' } })
      const members = Buffer.concat([gzipSync('{"a":1'), gzipSync('}')])
      const fields = ['Content-Type: application/json', 'Content-Encoding: gzip']
      const sent = getLine('/', ...fields, `Content-Length: ${members.length}`).replace(
        'GET',
        'POST',
      )
      assert.equal(problemIn(await sendRaw(gateway.port, sent, members)).code, 'request_malformed')
    })

    it('passes them where the option says so, and only reports them in the mode report', async () => {
      await start({ query, body }, { lookalikes: 'pass' })
      assert.equal((await post('{"ROLE":"admin"}', 'application/json')).status, 200)
      await gateway.close()
      await start({ query, body }, { mode: 'report' })
      assert.equal((await post('{"ROLE":"admin"}', 'application/json')).status, 200)
    })
  })
}

for (const host of hosts)
  describe(`${host.name}, a guarded DELETE`, () => {
    it('never reaches the upstream as two requests, although nobody checks its body', async () => {
      const seen: (string | undefined)[] = []
      const upstream = await listen(
        createServer((req, res) => {
          seen.push(req.url)
          req.resume().on('end', () => res.end('up'))
        }),
      )
      const proxy = httpProxy.createProxyServer({ target: upstream.url })
      const gateway = await host.start({
        use: (api) => [api.problemDetails(), api.validate({ query: { type: 'object' } })],
        handler: (req, res) => proxy.web(req, res),
      })
      const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'
      const sent = getLine('/', 'Transfer-Encoding: chunked').replace('GET', 'DELETE')
      const chunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`
      assert.equal((await sendRaw(gateway.port, sent, chunk)).status, 200)
      assert.deepEqual(seen, ['/'])
      await gateway.close()
      await upstream.close()
    })
  })

describe('a server with a lenient parser', () => {
  it('lets no body pass unchecked that is in chunks beside a length of 0', async () => {
    const server = createServer(
      { insecureHTTPParser: true },
      listener(
        problemDetails(),
        validate({ body: { type: 'object', required: ['a'] } }),
        (_req, res) => res.end(),
      ),
    )
    const gateway = await listen(server)
    for (const length of ['0', '7'])
      for (const method of ['POST', 'DELETE']) {
        const sent = getLine(
          '/',
          'Content-Type: application/json',
          `Content-Length: ${length}`,
          'Transfer-Encoding: chunked',
        )
        const received = await sendRaw(
          gateway.port,
          sent.replace('GET', method),
          '2\r\n{}\r\n0\r\n\r\n',
        )
        assert.equal(received.status, 400, received.text)
      }
    await gateway.close()
  })
})
