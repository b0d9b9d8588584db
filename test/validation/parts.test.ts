import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, it } from 'mocha'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { exchangeOf } from '../../src/exchange/exchange.js'
import { checkParameters } from '../../src/validation/coerce.js'
import { compile } from '../../src/validation/schema/compile.js'
import { type ParameterPart, readers, splitters } from '../../src/validation/parts.js'
import { withExchange } from './with-exchange.js'

const settings = { maxErrors: 1, schemas: undefined, ajv: undefined }

function check(
  schema: object,
  raw: Record<string, string | string[]>,
  part: ParameterPart = 'query',
) {
  const checker = compile(part, schema, settings)
  const { value, errors } = checkParameters(checker.check, new Map(Object.entries(raw)), {
    split: splitters[part],
  })
  return errors === undefined ? value : checker.explain(errors, value).errors[0]
}
const typed = (type: string | object) => ({ type: 'object', properties: { a: type } })
const one = (type: string, text: string) => check(typed({ type }), { a: text })

describe('coercion of parameters', () => {
  for (const [type, text, value] of [
    ['integer', '5', 5],
    ['integer', '-12', -12],
    ['integer', '0', 0],
    ['integer', '9007199254740991', 9007199254740991],
    ['number', '2.50', 2.5],
    ['number', '-0.1', -0.1],
    ['number', '7', 7],
    ['boolean', 'true', true],
    ['boolean', 'false', false],
    ['string', '5', '5'],
    ['string', '', ''],
  ] as const)
    it(`makes ${type} of ${JSON.stringify(text)}`, () =>
      assert.deepEqual(one(type, text), { a: value }))

  for (const [type, texts] of Object.entries({
    integer: [
      '',
      ' 1',
      '1 ',
      '+1',
      '01',
      '-0',
      '0x10',
      '1e3',
      '1.0',
      '9007199254740992',
      '-9007199254740993',
      'Infinity',
      'true',
      '١',
    ],
    number: [
      '',
      'Infinity',
      '-Infinity',
      'NaN',
      '1e999',
      '1e3',
      '.5',
      '5.',
      '0x10',
      '00.5',
      '1_000',
      '90071992547409930.5',
    ],
    boolean: ['', '1', '0', 'TRUE', 'yes', 'null', 'constructor'],
    null: ['', 'null'],
  }))
    it(`makes no ${type} of a text in another form`, () => {
      for (const text of texts)
        assert.deepEqual(
          one(type, text),
          {
            in: 'query',
            name: 'a',
            code: 'type',
            detail: `must be ${{ integer: 'an integer', number: 'a number', boolean: 'a boolean', null: 'null' }[type]}`,
          },
          JSON.stringify(text),
        )
    })

  it('leaves a string that the schema accepts as a string', () => {
    assert.deepEqual(check(typed({ type: ['integer', 'string'] }), { a: '5' }), { a: '5' })
    assert.deepEqual(check(typed({}), { a: '5', b: 'true' }), { a: '5', b: 'true' })
  })

  it('follows references, unions and conditions of the schema', () => {
    const schema = {
      $defs: { page: { type: 'integer', minimum: 1 } },
      type: 'object',
      properties: {
        page: { $ref: '#/$defs/page' },
        flag: { anyOf: [{ type: 'boolean' }, { type: 'integer' }] },
      },
      if: { properties: { page: { const: 2 } }, required: ['page'] },
      // oxlint-disable-next-line unicorn/no-thenable
      then: { properties: { size: { type: 'number' } }, required: ['size'] },
    }
    assert.deepEqual(check(schema, { page: '2', flag: '7', size: '1.5' }), {
      page: 2,
      flag: 7,
      size: 1.5,
    })
    assert.deepEqual(check(schema, { page: '2' }), {
      in: 'query',
      name: 'size',
      code: 'required',
      detail: 'is required',
    })
    assert.deepEqual(check(schema, { page: '0' }), {
      in: 'query',
      name: 'page',
      code: 'minimum',
      detail: 'must be >= 1',
    })
  })

  it('makes a list where the schema wants a list, and refuses several values where it wants one value', () => {
    const list = typed({ type: 'array', items: { type: 'integer' } })
    assert.deepEqual(check(list, { a: ['1', '2'] }), { a: [1, 2] })
    assert.deepEqual(check(list, { a: '1' }), { a: [1] })
    assert.deepEqual(check(list, { a: '1, 2' }, 'headers'), { a: [1, 2] })
    assert.deepEqual(check(list, { a: ['1', 'x'] }), {
      in: 'query',
      name: 'a',
      code: 'type',
      detail: 'must be an integer',
    })
    assert.deepEqual(check(typed({ type: 'integer' }), { a: ['1', '2'] }), {
      in: 'query',
      name: 'a',
      code: 'type',
      detail: 'must be an integer',
    })
  })

  it('does not write to what it was given', () => {
    const values = ['1', '2']
    check(typed({ type: 'array', items: { type: 'integer' } }), { a: values })
    assert.deepEqual(values, ['1', '2'])
  })

  it('names the parameter that is not allowed, and the one that was meant', () => {
    const schema = { type: 'object', properties: { limit: {} }, additionalProperties: false }
    assert.deepEqual(check(schema, { limti: '1' }), {
      in: 'query',
      name: 'limti',
      code: 'additionalProperties',
      detail: 'is not allowed; did you mean "limit"?',
    })
  })

  it('keeps __proto__ a member, which a closed schema refuses', () => {
    const closed = { type: 'object', properties: { a: {} }, additionalProperties: false }
    const raw = Object.fromEntries([['__proto__', 'x']])
    assert.equal(Reflect.get(check(closed, raw) ?? {}, 'name'), '__proto__')
  })
})

describe('the parts of a request', () => {
  const read = async (
    part: ParameterPart,
    path: string,
    headers: Record<string, string | string[]> = {},
  ) => {
    let found: unknown
    await withExchange({ path, headers }, async (exchange) => {
      exchange.params = { id: 'é', file: '5' }
      const parameters = readers[part](exchange)
      found = GatewayError.is(parameters) ? parameters : Object.fromEntries(parameters)
    })
    return found
  }

  it('refuses a query that readers read in different ways', async () => {
    for (const query of ['?x=1#&page=2', '#?page=2', '?s=%zz', '?s=%3', '?s=%ff', '?%ff=1']) {
      const found = await read('query', `/x${query}`)
      assert.ok(GatewayError.is(found), query)
      assert.equal(found.code, 'request_malformed')
    }
    assert.deepEqual(await read('query', '/x??page=2'), { '?page': '2' })
  })

  it('reads the query like a form, repeated names as lists', async () => {
    assert.deepEqual(await read('query', '/x?a=1&b=x+y%20z&a=2&c&e=?&a=3'), {
      a: ['1', '2', '3'],
      b: 'x y z',
      c: '',
      e: '?',
    })
    assert.deepEqual(await read('query', '/x'), {})
    assert.deepEqual(await read('query', '/x?'), {})
  })

  it('reads the parameters that the router found', async () => {
    assert.deepEqual(await read('params', '/'), { id: 'é', file: '5' })
  })

  it('reads header fields by their names in lower case, joined as HTTP does', async () => {
    const headers = await read('headers', '/', { 'X-Count': '5', 'X-Tag': ['a', 'b'] })
    assert.ok(
      typeof headers === 'object' && headers !== null && 'x-count' in headers && 'x-tag' in headers,
    )
    assert.deepEqual([headers['x-count'], headers['x-tag']], ['5', 'a, b'])
  })

  it('reads cookies decoded, repeated names as lists', async () => {
    const headers = { cookie: 'a=1; b="q r"; c=%C3%A9; d=%zz; a=2;e=x=y; novalue; =x' }
    assert.deepEqual(await read('cookies', '/', headers), {
      a: ['1', '2'],
      b: 'q r',
      c: 'é',
      d: '%zz',
      e: 'x=y',
    })
    assert.deepEqual(await read('cookies', '/'), {})
  })

  it('leaves out parameters that an optional segment did not match', () => {
    const req = {} as IncomingMessage
    const params = { id: undefined } as unknown as Record<string, string>
    const exchange = { req, params } as unknown as ReturnType<typeof exchangeOf>
    assert.deepEqual(readers.params(exchange), new Map())
  })
})
