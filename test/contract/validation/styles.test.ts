import assert from 'node:assert/strict'
import type { OpenApiOptions } from 'good-gateway'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'

const integer = { type: 'integer' }
const list = { type: 'array', items: integer, maxItems: 3 }
const object = {
  type: 'object',
  required: ['a'],
  properties: { a: integer, b: { type: 'string' } },
}
const nested = {
  type: 'object',
  properties: { a: { type: 'object', properties: { n: integer } }, ids: list },
}

type Given = readonly [
  where: string,
  style: string | undefined,
  explode: boolean | undefined,
  schema: object,
]
/** How a parameter `p` is described, what fits it, and what does not, with the name of the issue. */
const cases: readonly [
  Given,
  good: readonly string[],
  bad: readonly (readonly [string, string])[],
][] = [
  [
    ['path', undefined, undefined, list],
    ['1,2,3', '1'],
    [
      ['1,x', 'p'],
      ['1,2,3,4', 'p'],
    ],
  ],
  [
    ['path', undefined, true, list],
    ['1,2,3', '1'],
    [
      ['1,x', 'p'],
      ['1,2,3,4', 'p'],
    ],
  ],
  [
    ['path', undefined, false, object],
    ['a,1', 'b,x,a,2'],
    [
      ['a,x', 'p'],
      ['b,x', 'p'],
      ['a', 'p'],
    ],
  ],
  [
    ['path', undefined, true, object],
    ['a=1', 'b=x,a=2'],
    [
      ['a=x', 'p'],
      ['b=x', 'p'],
      ['a', 'p'],
    ],
  ],
  [
    ['path', 'label', false, list],
    ['.1,2'],
    [
      ['.1,x', 'p'],
      ['1,2', 'p'],
    ],
  ],
  [
    ['path', 'label', true, list],
    ['.1.2'],
    [
      ['.1.x', 'p'],
      ['.1,2', 'p'],
    ],
  ],
  [
    ['path', 'label', false, integer],
    ['.1'],
    [
      ['1', 'p'],
      ['.x', 'p'],
    ],
  ],
  [['path', 'label', false, { type: 'string' }], ['.x'], [['x', 'p']]],
  [['path', 'label', true, object], ['.a=1.b=x'], [['.a=x', 'p']]],
  [
    ['path', 'matrix', false, integer],
    [';p=1'],
    [
      [';p=x', 'p'],
      ['1', 'p'],
      [';q=1', 'p'],
    ],
  ],
  [['path', 'matrix', false, list], [';p=1,2'], [[';p=1,x', 'p']]],
  [['path', 'matrix', true, list], [';p=1;p=2'], [[';p=1;p=x', 'p']]],
  [
    ['path', 'matrix', true, object],
    [';a=1;b=x'],
    [
      [';a=x', 'p'],
      [';b=x', 'p'],
    ],
  ],
  [
    ['query', undefined, undefined, list],
    ['p=1&p=2', 'p=1', ''],
    [
      ['p=1&p=x', 'p'],
      ['p=1,2', 'p'],
    ],
  ],
  [
    ['query', undefined, false, list],
    ['p=1,2', 'p=1%2C2'],
    [
      ['p=1,x', 'p'],
      ['p=1,2,3,4', 'p'],
      ['p=1&p=2,x', 'p'],
    ],
  ],
  [
    ['query', 'spaceDelimited', false, list],
    ['p=1%202', 'p=1+2'],
    [
      ['p=1%20x', 'p'],
      ['p=1,2', 'p'],
    ],
  ],
  [['query', 'pipeDelimited', false, list], ['p=1|2', 'p=1%7C2'], [['p=1|x', 'p']]],
  [
    ['query', undefined, undefined, object],
    ['a=1', 'a=1&b=x&c=1', ''],
    [
      ['a=x', 'a'],
      ['b=x', 'a'],
      ['A=1&a=1', 'A'],
      ['a[]=1', 'a[]'],
    ],
  ],
  [
    ['query', undefined, false, object],
    ['p=a,1,b,x'],
    [
      ['p=a,x', 'p'],
      ['p=b,x', 'p'],
      ['p=1', 'p'],
    ],
  ],
  [
    ['query', 'deepObject', true, object],
    ['p[a]=1', 'p%5Ba%5D=1&p[b]=x'],
    [
      ['p[a]=x', 'p[a]'],
      ['p[b]=x', 'p[a]'],
      ['p=x', 'p'],
      ['p[a]=1&p[a', 'p[a'],
      ['p[a]=1&p[A]=2', 'p[A]'],
      ['p[a]=1&p=1', 'p'],
    ],
  ],
  [
    ['query', 'deepObject', true, nested],
    ['p[a][n]=1&p[ids][]=1&p[ids][]=2', 'p[ids][0]=1'],
    [
      ['p[a][n]=x', 'p[a][n]'],
      ['p[ids][]=x', 'p[ids][0]'],
      ['p[ids][1]=1', 'p[ids]'],
    ],
  ],
  [
    ['query', undefined, undefined, { anyOf: [list, { type: 'null' }] }],
    ['p=1&p=2'],
    [['p=1&p=x', 'p']],
  ],
  [
    ['query', undefined, false, { allOf: [{ $ref: '#/components/schemas/list' }] }],
    ['p=1,2'],
    [['p=1,x', 'p']],
  ],
  [['query', undefined, false, { items: integer }], ['p=1,2'], [['p=1,x', 'p']]],
  [
    ['query', undefined, undefined, { type: 'integer', format: 'int64' }],
    ['p=9223372036854775807', 'p=-9223372036854775808'],
    [
      ['p=9223372036854775808', 'p'],
      ['p=1e3', 'p'],
    ],
  ],
  [
    ['query', undefined, undefined, { type: 'object', additionalProperties: integer }],
    ['x=1&y=2', ''],
    [['x=a', 'x']],
  ],
  [['header', undefined, undefined, list], ['1,2', '1, 2'], [['1,x', 'p']]],
  [['header', undefined, false, object], ['a,1'], [['a,x', 'p']]],
  [['header', undefined, true, object], ['a=1, b=x'], [['a=x', 'p']]],
  [['cookie', undefined, false, list], ['p=1,2'], [['p=1,x', 'p']]],
  [['cookie', undefined, undefined, object], ['a=1; b=x'], [['a=x', 'a']]],
  [
    ['cookie', undefined, undefined, integer],
    ['p=1'],
    [
      ['p=x', 'p'],
      ['p=1; p[]=2', 'p[]'],
    ],
  ],
]
const PLACES: Readonly<Record<string, string>> = {
  path: 'params',
  query: 'query',
  header: 'headers',
  cookie: 'cookies',
}

const describing = (parameter: object, path = '/a') => ({
  openapi: '3.1.0',
  paths: { [path]: { get: { parameters: [parameter] } } },
  components: { schemas: { list } },
})

for (const host of hosts) {
  describe(`${host.name}, the styles of parameters`, () => {
    let gateway: Listening
    afterEach(() => gateway.close())
    const start = async (document: object, options: OpenApiOptions = {}): Promise<void> => {
      gateway = await host.start({
        use: (api) => [
          api.problemDetails(),
          api.routes.fromOpenAPI(document, { ...options, otherwise: 'refuse' }),
        ],
        handler: (req, res) => req.resume().on('end', () => res.end('up')),
      })
    }
    const ask = (where: string, text: string): Promise<Received> => {
      if (where === 'path') return sendRaw(gateway.port, getLine(`/a/${text}`))
      if (where === 'query') return sendRaw(gateway.port, getLine(`/a?${text}`))
      return sendRaw(gateway.port, getLine('/a', `${where === 'header' ? 'P' : 'Cookie'}: ${text}`))
    }

    for (const [[where, style, explode, schema], good, bad] of cases)
      it(`${style ?? 'the default'} in ${where}, explode ${explode ?? 'not given'}: ${JSON.stringify(schema).slice(0, 80)}`, async () => {
        const parameter = {
          in: where,
          name: 'p',
          required: where === 'path',
          schema,
          style,
          explode,
        }
        const given = JSON.parse(JSON.stringify(parameter)) as object
        await start(describing(given, where === 'path' ? '/a/{p}' : '/a'))
        for (const text of good) {
          const received = await ask(where, text)
          assert.equal(received.status, 200, `${text}: ${received.body}`)
        }
        for (const [text, name] of bad) {
          const received = await ask(where, text)
          assert.equal(received.status, 400, text)
          const [issue] = problemIn(received).errors ?? []
          assert.deepEqual(
            [issue?.in, issue?.name],
            [PLACES[where], name],
            `${text}: ${received.body}`,
          )
        }
      })

    it('reads a parameter whose content is JSON as JSON', async () => {
      const content = { 'application/json': { schema: { ...object, additionalProperties: false } } }
      await start(describing({ in: 'query', name: 'p', required: true, content }))
      assert.equal((await ask('query', 'p={"a":1}')).status, 200)
      for (const text of [
        'p={"a":"1"}',
        'p={"a":1,"a":2}',
        'p={',
        'p=1',
        'p={"a":1}&p={"a":1}',
        '',
      ])
        assert.equal((await ask('query', text)).status, 400, text)
    })

    describe('in forms', () => {
      const schema = {
        type: 'object',
        required: ['note'],
        properties: {
          note: { type: 'string' },
          meta: object,
          filter: object,
          ids: list,
          json: object,
          any: { anyOf: [object, { enum: [''] }] },
        },
      }
      const encoding = {
        filter: { style: 'deepObject', explode: true },
        any: { style: 'deepObject', explode: true },
        ids: { style: 'form', explode: false },
        json: { contentType: 'application/json' },
      }
      const document = {
        openapi: '3.0.3',
        paths: {
          '/a': {
            post: {
              requestBody: {
                required: true,
                content: { 'application/x-www-form-urlencoded': { schema, encoding } },
              },
            },
          },
        },
      }
      const post = (text: string) =>
        sendRaw(
          gateway.port,
          getLine(
            '/a',
            'Content-Type: application/x-www-form-urlencoded',
            `Content-Length: ${Buffer.byteLength(text)}`,
          ).replace('GET', 'POST') + text,
        )
      const good = [
        'note=a b c',
        'note=käse&ids=1,2',
        'note=a&meta={"a":1}',
        'note=a&filter[a]=1&filter[b]=x',
        'note=a&json={"a":1}',
        'note=a&any=',
        'note=a&any[a]=1',
      ]
      const bad: [string, string][] = [
        ['note=a&ids=1,x', '#/ids/1'],
        ['note=a&meta={"a":"1"}', '#/meta/a'],
        ['note=a&meta=x', '#/meta'],
        ['note=a&filter[a]=x', '#/filter/a'],
        ['note=a&filter[a]=1&filter[', '#/filter%5B'],
        ['note=a&json={"a":"1"}', '#/json/a'],
        ['note=a&json=x', '#/json'],
        ['note=a&any[a]=x', '#/any/a'],
        ['ids=1', '#/note'],
      ]
      for (const text of good)
        it(`accepts ${text}`, async () => {
          await start(document)
          const received = await post(text)
          assert.equal(received.status, 200, received.body)
        })
      for (const [text, at] of bad)
        it(`refuses ${text}`, async () => {
          await start(document)
          const received = await post(text)
          assert.equal(problemIn(received).errors?.[0]?.pointer, at, received.body)
        })
      it('refuses control characters', async () => {
        await start(document)
        for (const text of ['note=a\r\n', 'note=\0', 'note=a\tb'])
          assert.equal((await post(text)).status, 400)
      })
    })
  })
}
