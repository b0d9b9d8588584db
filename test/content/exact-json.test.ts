import assert from 'node:assert/strict'
import { parseExactJson, writeJson } from '../../src/content/exact-json.js'
import { decodeUtf8 } from '../../src/content/utf8.js'

const again = (text: string): string => writeJson(parseExactJson(decodeUtf8(Buffer.from(text)), 64))

describe('JSON that is read and written again', () => {
  for (const text of [
    '{"id":12345678901234567890,"n":1}',
    '[-12345678901234567890,0.12345678901234567891,1.00000000000000000001e5]',
    '{"12345678901234567890":"12345678901234567890"}',
    '["\\"12345678901234567890",9007199254740993]',
    '12345678901234567890',
    '[0.1,9007199254740991,1234567890.123456,"0.1234567890123456789"]',
  ])
    it(`keeps ${text}`, () => assert.equal(again(text), text))

  it('gives numbers that count as what they are nearest to', () => {
    const { id } = parseExactJson(decodeUtf8(Buffer.from('{"id":9007199254740993}')), 64) as {
      id: unknown
    }
    assert.equal(Number(id), 9007199254740992)
    assert.equal(String(id), '9007199254740993')
    assert.equal(JSON.stringify(id), '9007199254740992')
  })

  it('takes a long text', () => {
    const text = `{"a":"${'x'.repeat(2_000_000)}","id":12345678901234567890}`
    assert.equal(again(text), text)
  })

  it('tells what cannot be written', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    for (const value of [undefined, () => 1, 1n, circle]) assert.throws(() => writeJson(value))
  })
})
