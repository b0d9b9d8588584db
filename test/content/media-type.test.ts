import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { checkContentTypes, refuseContentType } from '../../src/content/media-type.js'

const JSON_TYPES = ['application/json', '+json']
const refuse = (types: readonly string[], ...values: string[]) =>
  refuseContentType({ rawHeaders: values.flatMap((value) => ['Content-TYPE', value]) }, types)

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

  it('must be listed as a JSON media type', () => {
    checkContentTypes(['application/json', '+json', 'text/json'])
    for (const types of [
      ['json'],
      ['text/plain'],
      ['*/*'],
      ['application/json; charset=utf-8'],
      ['+xml'],
    ])
      assert.throws(() => checkContentTypes(types), { name: 'TypeError', message: /contentType/ })
  })
})
