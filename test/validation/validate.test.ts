import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { describe, it } from 'mocha'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { type Parts, type Schemas, validateStep } from '../../src/validation/validate.js'
import type { ValidateOptions } from '../../src/validation/options.js'
import { type Sent, withExchange } from './with-exchange.js'

const body = { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } }
const JSON_TYPE = { 'content-type': 'application/json' }

/** What the step let through, or the code that it threw; and whether what follows ran. */
async function run(sent: Sent, schemas: Schemas = { body }, options: ValidateOptions = {}) {
  const { step, valid } = validateStep(schemas, options)
  let parts: Parts | undefined
  let error: GatewayError | undefined
  await withExchange(sent, async (exchange) => {
    try {
      await step(exchange, async () => (parts = valid(exchange)))
    } catch (caught) {
      assert.ok(caught instanceof GatewayError)
      error = caught
    }
  })
  assert.equal(parts === undefined, error !== undefined)
  return error ?? parts
}
const post = (text: string | Buffer, headers: Sent['headers'] = JSON_TYPE): Sent => ({
  method: 'POST',
  headers,
  body: text,
})
const codeOf = async (...args: Parameters<typeof run>) => {
  const result = await run(...args)
  return result instanceof GatewayError ? `${result.status} ${result.code}` : 'passed'
}

describe('validation of a request', () => {
  it('gives the parsed body, and the other parts coerced', async () => {
    const query = {
      type: 'object',
      properties: { page: { type: 'integer' }, tag: { type: 'array' } },
    }
    assert.deepEqual(await run({ ...post('{"a":1}'), path: '/x?page=2&tag=t' }, { body, query }), {
      body: { a: 1 },
      query: { page: 2, tag: ['t'] },
    })
  })

  it('refuses a body that does not match, and points at the place', async () => {
    const error = await run(post('{"a":"1"}'))
    assert.ok(error instanceof GatewayError)
    assert.equal(error.code, 'request_invalid')
    assert.deepEqual(error.options.errors, [
      { in: 'body', pointer: '#/a', code: 'type', detail: 'must be an integer' },
    ])
    assert.equal(error.options.errorsTruncated, undefined)
  })

  it('refuses wrong parameters before it reads the body, with all parts up to maxErrors', async () => {
    const part = { type: 'object', required: ['x'], properties: { x: { type: 'integer' } } }
    const error = await run(
      post('not JSON'),
      { body, query: part, cookies: part, headers: part },
      { maxErrors: 2 },
    )
    assert.ok(error instanceof GatewayError)
    assert.deepEqual(error.options.errors, [
      { in: 'query', name: 'x', code: 'required', detail: 'is required' },
      { in: 'headers', name: 'x', code: 'required', detail: 'is required' },
    ])
    assert.equal(error.options.errorsTruncated, true)
  })

  it('requires a body of every schema, even of {} and true', async () => {
    for (const schema of [body, {}, true])
      for (const text of ['', ' \n\t']) {
        const error = await run(post(text), { body: schema })
        assert.ok(error instanceof GatewayError)
        assert.deepEqual(error.options.errors, [
          { in: 'body', pointer: '#', code: 'required', detail: 'A body is required.' },
        ])
      }
    assert.equal(
      await codeOf({ method: 'PUT', headers: { 'transfer-encoding': 'chunked' } }),
      '400 request_invalid',
    )
  })

  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS'])
    it(`lets ${method} pass without content and checks it with content`, async () => {
      assert.deepEqual(await run({ method }), { body: undefined })
      const headers = { ...JSON_TYPE, 'content-length': 8 }
      assert.equal(await codeOf({ method, headers, body: '{"a":"1"' }), '400 request_malformed')
      assert.equal(await codeOf({ method, headers, body: '{"a": 1}' }), 'passed')
      assert.equal(
        await codeOf({ method, headers: { 'content-length': 2 }, body: '{}' }),
        '415 unsupported_media_type',
      )
    })

  it('refuses what is not JSON, of another type, in another coding, or too large', async () => {
    assert.equal(await codeOf(post('{"a":1,"a":2}')), '400 request_malformed')
    assert.equal(
      await codeOf(post('[[1]]'), { body: {} }, { maxDepth: 1 }),
      '400 request_malformed',
    )
    assert.equal(await codeOf(post('{"a":1}', {})), '415 unsupported_media_type')
    assert.equal(
      await codeOf(post('{"a":1}', { 'content-type': 'text/plain' })),
      '415 unsupported_media_type',
    )
    assert.equal(
      await codeOf(post('x', { ...JSON_TYPE, 'content-encoding': 'compress' })),
      '415 unsupported_content_encoding',
    )
    const chunked = { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }
    assert.equal(await codeOf(post('{"a":1}', chunked)), '415 unsupported_media_type')
    assert.equal(await codeOf(post('{"a":1}'), { body }, { limit: 6 }), '413 content_too_large')
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' }
    assert.equal(
      await codeOf(
        post(zlib.gzipSync(`{"a":1}${' '.repeat(1e5)}`), gzip),
        { body },
        { limit: '1kb' },
      ),
      '413 content_too_large',
    )
    assert.equal(await codeOf(post(zlib.gzipSync('{"a":1}'), gzip)), 'passed')
  })

  it('refuses a body that does not arrive in time', async () => {
    const { step } = validateStep({ body }, { bodyTimeout: 20 })
    const headers = { ...JSON_TYPE, 'content-length': 100 }
    const stalled = withExchange({ method: 'POST', headers, body: '{"a":' }, async (exchange) => {
      await step(exchange, async () => assert.fail('must not pass'))
    })
    await assert.rejects(stalled, { code: 'request_timeout' })
  })

  it('gives its parts only for requests that passed', async () => {
    const one = validateStep({ body })
    const other = validateStep({ body: true })
    await withExchange(post('{"a":1}'), async (exchange) => {
      await one.step(exchange, async () => undefined)
      assert.deepEqual(one.valid(exchange), { body: { a: 1 } })
      assert.throws(() => other.valid(exchange), {
        name: 'TypeError',
        message: /has not let the request pass/,
      })
    })
  })
})
