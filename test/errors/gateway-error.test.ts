import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { GatewayError } from 'good-gateway'

describe('GatewayError', () => {
  // Plain JavaScript, and keys that every object has.
  for (const code of ['nope', 'constructor', '', undefined])
    it(`refuses the code ${code === '' ? '(empty)' : code} in words`, () => {
      assert.throws(() => Reflect.construct(GatewayError, [code]) as unknown, {
        name: 'TypeError',
        message: /^GatewayError: .* is none of the codes; take gateway_error/,
      })
    })

  it('has the status and the fields that a host answers with', () => {
    const error = new GatewayError('circuit_open', { retryAfter: 7, headers: { 'X-Why': 'load' } })
    assert.equal(error.status, 503)
    assert.equal(error.statusCode, 503)
    assert.equal(error.expose, true)
    assert.deepEqual(error.headers, { 'X-Why': 'load', 'Retry-After': '7' })
    assert.equal(new GatewayError('gateway_error').expose, false)
  })
})
