import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { GatewayError } from '../../src/errors/gateway-error.js'
import {
  checkContentTypes,
  jsonRanges,
  mediaRanges,
  readContentType,
} from '../../src/content/media-type.js'

const JSON_TYPES = ['application/json', '+json']
const headOf = (...values: string[]) => ({
  rawHeaders: values.flatMap((value) => ['Content-TYPE', value]),
})
const refuse = (types: readonly string[], ...values: string[]): GatewayError | undefined => {
  const read = readContentType(headOf(...values), jsonRanges(types))
  return GatewayError.is(read) ? read : undefined
}

describe('the Content-Type of a request', () => {
  for (const value of [
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;CHARSET="UTF-8"',
    'application/json; profile="x;y"; v=1',
    'application/vnd.api+json',
    'application/merge-patch+json;charset=utf-8',
    'application/json; x="a, b"',
    'application/json; x="a\\", b"',
    'application/json;',
    'application/json; charset=utf8',
  ])
    it(`may be ${value}`, () => assert.equal(refuse(JSON_TYPES, value), undefined))

  for (const value of [
    'text/plain',
    'application/jsonp',
    'application/json5',
    'application/x-www-form-urlencoded',
    'json',
    '+json',
    'text/html, application/x+json',
    'application/json, text/plain',
    'a b+json',
    '',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset="utf-8',
    "application/json; charset*=utf-8''utf-16",
    'application/json; x="; charset=utf-16"',
    'application/json; x=1, application/x-www-form-urlencoded',
    'application/json;charset=utf-8;x=1,text/plain',
    'application/json; x="a", text/plain',
    'application/json; x="a',
    'application/json; x="a\\"',
    'application/json; version=1; Version=2',
  ])
    it(`is refused when it is ${JSON.stringify(value)}`, () => {
      const error = refuse(JSON_TYPES, value)
      assert.equal(error?.code, 'unsupported_media_type')
      assert.equal(error.status, 415)
      assert.equal(error.headers['Accept'], 'application/json, application/*+json')
    })

  it('is refused when it is missing or came twice, even with the same value', () => {
    assert.equal(refuse(JSON_TYPES)?.code, 'unsupported_media_type')
    assert.equal(refuse(JSON_TYPES, 'application/json', 'application/json')?.status, 415)
  })

  for (const part of ['; ', ';\t', ';x=1', ';x="1"', ' ', 'x', ';x="\\"']) {
    const title = `is decided in milliseconds when it is as long as Node lets it be: ${JSON.stringify(part)}`
    it(title, () => {
      const long = `application/json${part.repeat(16_000 / part.length)}`
      for (const end of ['', '"', '; x="', ', text/plain']) refuse(JSON_TYPES, long + end)
      assert.equal(refuse(JSON_TYPES, `${long}"`)?.code, 'unsupported_media_type')
    }).timeout(200)
  }

  it('is accepted only when the option lists it', () => {
    assert.equal(refuse(['application/vnd.x+json'], 'application/vnd.X+json'), undefined)
    const error = refuse(['application/vnd.x+json'], 'application/json')
    assert.equal(error?.headers['Accept'], 'application/vnd.x+json')
  })

  it('is read as JSON under whatever name is listed, but for forms', () => {
    checkContentTypes(['application/json', '+json', 'text/plain', 'application/x-amz-json-1.1'])
    const kindOf = (value: string) => {
      const read = readContentType(headOf(value), jsonRanges([value]))
      return GatewayError.is(read) ? read.code : read.kind
    }
    assert.equal(kindOf('text/plain'), 'json')
    assert.equal(kindOf('application/csp-report'), 'json')
    assert.equal(kindOf('application/x-www-form-urlencoded'), 'form')
    for (const types of [
      ['json'],
      ['multipart/form-data'],
      ['*/*'],
      ['application/json; charset=utf-8'],
      ['+xml'],
    ])
      assert.throws(() => checkContentTypes(types), { name: 'TypeError', message: /contentType/ })
  })

  describe('of a document', () => {
    const listedAs = (keys: readonly string[], value: string): string => {
      const read = readContentType(headOf(value), mediaRanges(keys))
      return GatewayError.is(read) ? read.code : read.range.listed
    }

    it('is told apart by its parameters', () => {
      const keys = ['application/json; version=1', 'application/json;version="2"']
      assert.equal(listedAs(keys, 'application/json;version=2'), keys[1])
      assert.equal(listedAs(keys, 'Application/JSON; x=y; Version="1"'), keys[0])
      for (const other of ['application/json', 'application/json; version=3'])
        assert.equal(listedAs(keys, other), 'unsupported_media_type')
    })

    it('needs none of the parameters of the only key of its type, but must not have others', () => {
      const keys = ['application/json; profile=a; charset=UTF-8']
      assert.equal(listedAs(keys, 'application/json'), keys[0])
      assert.equal(listedAs(keys, 'application/json; charset=utf-8'), keys[0])
      assert.equal(listedAs(keys, 'application/json; profile=b'), 'unsupported_media_type')
    })

    it('takes the most specific of several ranges', () => {
      const keys = [
        '*/*',
        'application/*',
        'application/*+json',
        'application/json',
        'application/json;v=1',
      ]
      assert.equal(listedAs(keys, 'application/json;v=1'), keys[4])
      assert.equal(listedAs(['*', ...keys], 'text/html'), '*')
      assert.equal(listedAs(keys, 'application/x+json'), keys[2])
      assert.equal(listedAs(keys, 'application/xml'), keys[1])
    })
  })
})
