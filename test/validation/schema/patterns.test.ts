import assert from 'node:assert/strict'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import * as fc from 'fast-check'
import { compile } from '../../../src/validation/schema/compile.js'
import { isUrl } from '../../../src/validation/schema/formats.js'
import { isQuadratic } from '../../../src/validation/schema/patterns.js'

describe('patterns that may take quadratic time', () => {
  const slow = [
    '\\s+$',
    '\\d+px',
    '^a*a*b',
    '^\\w+\\d+$',
    '[a-z]+@[a-z]+',
    '^(a|b)+.*c',
    '.*foo',
    '^.*.*$b',
  ]
    .concat(['^\\s*(.*?)\\s*$', '^(?:\\w+-?)\\w*!', '(?=x)a+b', '^[a-z]+[a-z0-9]*[^a-z]$', 'a+a+$'])
    .concat(['^(\\d+)(?:,)?(\\d+)x', '\\p{L}+!', '^(?:a+b?){2}a+c', '(x+x+)y', '^\\1*x*y'])
  const quick = [
    '^a+$',
    '^\\d+(?:\\.\\d+)*$',
    'a+',
    '^[^@]+@[^@]+$',
    '^a*b*c*$',
    '[a-z]',
    '^x',
    'foo$',
    '^\\S+\\s\\S+$',
  ]
    .concat([
      '^\\p{L}+$',
      '^(?:ab)+$',
      '^[a-f0-9]{8}-[a-f0-9]{4}$',
      '^.*$',
      '^.*foo',
      '^(a|b)*$',
      '',
      '^(?!x)a+$',
    ])
    .concat([
      '^https?://',
      '^[A-Z]{2}\\d{2}[A-Z0-9]{1,30}$',
      'a{2,5}b',
      '^\\+?[1-9]\\d*$',
      '^[\\w.-]+$',
      '[(',
    ])

  for (const pattern of slow)
    it(`are found in ${pattern}`, () => assert.equal(isQuadratic(pattern), true))
  for (const pattern of quick)
    it(`are not found in ${pattern}`, () => assert.equal(isQuadratic(pattern), false))

  it('are looked for in time that does not explode', () => {
    const nested = `${'('.repeat(30)}a${')+'.repeat(30)}`
    const start = performance.now()
    for (const pattern of [nested, '(a+)'.repeat(2000), '[a-z]+'.repeat(2000), '('.repeat(5000)])
      isQuadratic(pattern)
    assert.ok(performance.now() - start < 3000)
  })

  it('are told at mount, unless the text is short', async () => {
    const told: string[] = []
    const listen = (warning: Error): void => void told.push(warning.message)
    process.on('warning', listen)
    const settings = { maxErrors: 1, schemas: undefined, ajv: undefined }
    compile('body', { type: 'string', pattern: '\\d+px', maxLength: 100 }, settings)
    compile('body', { properties: { a: { type: 'string', pattern: '\\d+px' } } }, settings)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', listen)
    assert.equal(told.length, 1)
    assert.match(told.join(), /#\/properties\/a has a pattern that may take quadratic time/)
  })
})

describe('the format url', () => {
  const ajv = new Ajv()
  formats.default(ajv)
  const known = ajv.compile({ type: 'string', format: 'url' })

  it('takes what ajv-formats takes', () => {
    const part = fc.constantFrom(
      'http',
      '://',
      'a',
      'example',
      '.',
      'com',
      '-',
      '1',
      '10',
      '@',
      ':',
      '/',
      ' ',
      '80',
      'é',
      '255',
      '192.168',
      '?',
      'u:p',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), fc.boolean(), (parts, absolute) => {
        const text = (absolute ? 'http://' : '') + parts.join('')
        // It takes what stands before a last "@", however many slashes are in it, and no two hyphens.
        if (/\/.*\/.*\/.*@/.test(text) || text.includes('--') || /\d{4}|\b0/.test(text)) return
        assert.equal(isUrl(text), known(text), text)
      }),
      { numRuns: 3000 },
    )
  })

  it('takes no time for what is long', () => {
    const start = performance.now()
    for (const text of [
      `https://a:${'::'.repeat(250_000)}`,
      `http://${'a-'.repeat(250_000)}`,
      `http://${'a.'.repeat(250_000)}`,
    ])
      assert.equal(isUrl(text), false)
    assert.ok(performance.now() - start < 500)
  })
})

describe('maxLength', () => {
  it('stands before a pattern and a format where all errors are to be found', () => {
    const regExp = Object.assign(
      (pattern: string, flags: string) => ({
        test: (text: string) => {
          assert.ok(text.length <= 20, 'the pattern was asked')
          return new RegExp(pattern, flags).test(text)
        },
      }),
      { code: 'unused' },
    )
    const settings = { maxErrors: 20, schemas: undefined, ajv: { code: { regExp } } }
    const schema = {
      properties: { a: { type: 'string', maxLength: 10, pattern: '^b', format: 'email' } },
    }
    for (const part of ['query', 'body'] as const) {
      const { check, explain } = compile(part, schema, settings)
      const long = { a: 'x'.repeat(1000) }
      const errors = check(long)
      assert.deepEqual(errors && explain(errors, long).errors.map(({ code }) => code), [
        'maxLength',
      ])
      const short = { a: 'xxxxxxxxxxx' }
      const more = check(short)
      assert.deepEqual(more && explain(more, short).errors.map(({ code }) => code), [
        'maxLength',
        'pattern',
        'format',
      ])
    }
  })
})

describe('an engine of the caller', () => {
  it('may give objects that all look the same', () => {
    const regExp = Object.assign(
      (pattern: string, flags: string) => {
        const compiled = new RegExp(pattern, flags)
        return { test: (text: string) => compiled.test(text) }
      },
      { code: 'unused' },
    )
    const schema = { properties: { a: { pattern: '^a' }, b: { pattern: '^b' } } }
    const { check } = compile('body', schema, {
      maxErrors: 1,
      schemas: undefined,
      ajv: { code: { regExp } },
    })
    assert.equal(check({ a: 'a', b: 'b' }), undefined)
    assert.equal(check({ a: 'a', b: 'a' })?.[0]?.instancePath, '/b')
  })
})
