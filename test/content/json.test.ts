import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { isBlank, parseJson } from '../../src/content/json.js'
import { findFault } from '../../src/content/json-fault.js'
import { decodeUtf8 } from '../../src/content/utf8.js'

const parsed = (text: string, maxDepth = 64): unknown =>
  parseJson({ text, bytes: Buffer.from(text) }, maxDepth)

function refusal(text: string, maxDepth = 64): string {
  try {
    parsed(text, maxDepth)
  } catch (error) {
    assert.ok(error instanceof GatewayError)
    assert.equal(error.code, 'request_malformed')
    return error.message.replace('The body is not acceptable JSON: ', '')
  }
  return 'accepted'
}

describe('strict JSON', () => {
  const refused: readonly [title: string, text: string, message: string][] = [
    [
      'a trailing comma',
      '{"a":1,}',
      'a member name in double quotes expected at line 1, column 8.',
    ],
    ['a comma before the end of an array', '[1,]', 'a value expected at line 1, column 4.'],
    ['single quotes', "{'a':1}", 'a member name in double quotes expected at line 1, column 2.'],
    ['a comment', '{} // x', 'text after the value at line 1, column 4.'],
    ['a second value', '{}\n{}', 'text after the value at line 2, column 1.'],
    ['a missing colon', '{"a" 1}', 'a colon expected at line 1, column 6.'],
    ['a missing comma', '[1 2]', 'a comma or the end of the array expected at line 1, column 4.'],
    ['an open object', '{"a":1', 'a comma or the end of the object expected at line 1, column 7.'],
    ['an open string', '"abc', 'a string without an end at line 1, column 5.'],
    [
      'brackets that do not match',
      '[1}',
      'a comma or the end of the array expected at line 1, column 3.',
    ],
    ['a leading zero', '[01]', 'a comma or the end of the array expected at line 1, column 3.'],
    ['a bare point', '[1.]', 'a digit expected at line 1, column 4.'],
    ['a leading plus', '[+1]', 'a value expected at line 1, column 2.'],
    ['a bare exponent', '1e', 'a digit expected at line 1, column 3.'],
    ['NaN', '[NaN]', 'a value expected at line 1, column 2.'],
    ['a raw NUL in a string', '"a\u0000"', 'a control character in a string at line 1, column 3.'],
    ['a raw NUL outside of strings', '[1]\u0000', 'text after the value at line 1, column 4.'],
    ['a raw newline in a string', '"a\n"', 'a control character in a string at line 1, column 3.'],
    ['an unknown escape', '"\\x41"', 'an invalid escape at line 1, column 2.'],
    ['a short \\u escape', '"\\u00g1"', 'an invalid escape at line 1, column 2.'],
    ['a byte order mark', '\uFEFF{}', 'a byte order mark at line 1, column 1.'],
    ['other white space', '\u00A0{}', 'a value expected at line 1, column 1.'],
    [
      'a number that overflows',
      '{"a":\n 1e999}',
      'a number beyond the range of a double at line 2, column 2.',
    ],
    ['a negative one', '-1E+400', 'a number beyond the range of a double at line 1, column 1.'],
    [
      'an integer of 400 digits',
      '1'.repeat(400),
      'a number beyond the range of a double at line 1, column 1.',
    ],
    [
      'a duplicate name',
      '{"a":1,"b":{},\n"a":2}',
      'a second member named "a" at line 2, column 1.',
    ],
    [
      'a duplicate name behind escapes',
      '{"ab":1,"\\u0061b":2}',
      'a second member named "ab" at line 1, column 9.',
    ],
    [
      'a duplicate name deep inside',
      '[{"x":{"a":1,"a":1}}]',
      'a second member named "a" at line 1, column 14.',
    ],
    [
      'a duplicate whose first value held more members',
      '{"a":{"b":1,"c":2},"a":{}}',
      'a second member named "a" at line 1, column 20.',
    ],
    ['the name __proto__', '{"__proto__":1}', 'the member name __proto__ at line 1, column 2.'],
    [
      'the name __proto__ behind escapes',
      '{"x":[{"\\u005f_proto__":{}}]}',
      'the member name __proto__ at line 1, column 8.',
    ],
    ['nothing', '', 'a value expected at line 1, column 1.'],
  ]
  for (const [title, text, message] of refused)
    it(`refuses ${title} and says where`, () => assert.equal(refusal(text), message))

  const accepted: readonly [title: string, text: string][] = [
    ['an escaped NUL', '"a\\u0000b"'],
    ['lone surrogate escapes', '["\\ud800","\\udc00x"]'],
    ['integers of any length', '{"n":12345678901234567890123456789012345678901234567890}'],
    ['scalars at the top', ' "x" '],
    ['null at the top', 'null'],
    ['numbers that underflow', '[1e-999,-0,0.0e+0]'],
    ['names that only look alike', '{"a":1,"A":2,"\\u0061 ":3,"":4}'],
    ['the same name in different objects', '{"a":{"a":[{"a":1},{"a":2}]}}'],
    ['names of Object.prototype', '{"constructor":1,"toString":2,"__proto":3}'],
    ['colons, braces and quotes inside strings', '{"a":":{}[]\\":","b\\\\":"{\\"a\\":1}"}'],
    ['all white space of the grammar', '\t\r\n {\t"a"\r\n:\n1 , "b" : [ ] } \n'],
  ]
  for (const [title, text] of accepted)
    it(`accepts ${title}`, () => assert.deepEqual(parsed(text), JSON.parse(text)))

  it('accepts maxDepth levels and refuses one more', () => {
    assert.equal(refusal('['.repeat(64) + ']'.repeat(64)), 'accepted')
    assert.equal(refusal('{"a":[0]}', 2), 'accepted')
    assert.equal(refusal('{"a":[[]]}', 2), 'nested deeper than 2 levels at line 1, column 7.')
    assert.equal(refusal('['.repeat(1e6)), 'nested deeper than 64 levels at line 1, column 65.')
  })

  it('shows no value in its refusals', () => {
    for (const text of [
      '{"secret":x}',
      '{"a":"secret","a":"secret"}',
      '"secret',
      'secret',
      '{"a":1}secret',
    ])
      assert.doesNotMatch(refusal(text), /secret/)
  })

  it('shows the name that came twice, escaped and cut', () => {
    const twice = String.raw`{"\n\u0001":1,"\n\u0001":2}`
    assert.equal(refusal(twice), String.raw`a second member named "\n\u0001" at line 1, column 15.`)
    const long = 'x'.repeat(1e5)
    assert.match(refusal(`{"${long}":1,"${long}":2}`), /^a second member named "x{63}…" at line/)
  })

  it('agrees with its own search for the fault, and never accepts what JSON.parse refuses', () => {
    const seed = '{"a":[1,-2.5e3,true,null,{"b":"\\u0062\\n","b2":{}}],"c":"x:y","__proto":"{"}'
    const pieces = [
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      'e',
      '-',
      '.',
      '"a":1,',
      '\\u0061',
      ' ',
    ]
    let state = 1
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below
    let kept = 0
    for (let round = 0; round < 20_000; round += 1) {
      const at = random(seed.length)
      const text = seed.slice(0, at) + pieces[random(pieces.length)] + seed.slice(at + random(3))
      const ok = refusal(text) === 'accepted'
      if (ok) assert.doesNotThrow(() => JSON.parse(text) as unknown)
      assert.equal(findFault(text, 64) === undefined, ok, text)
      kept += Number(ok)
    }
    assert.ok(kept > 500, `only ${kept} of the texts were JSON`)
  })

  it('takes time in proportion to the length, whatever the text', () => {
    const hostile = (size: number) => [
      '['.repeat(size),
      '{"a":'.repeat(size / 5),
      '"\\'.repeat(size / 2),
      '1'.repeat(size),
      `[${'{"a":1},'.repeat(size / 8)}{"a":1,"a":2}]`,
      '\n'.repeat(size),
    ]
    const time = (text: string) => {
      const start = process.hrtime.bigint()
      refusal(text)
      return Number(process.hrtime.bigint() - start) / 1e6
    }
    // Quadratic work on a megabyte would take minutes.
    for (const text of hostile(1_000_000)) assert.ok(time(text) < 2000, text.slice(0, 9))
  })
})

describe('the text of a body', () => {
  it('is refused when it is not UTF-8, with the position of the byte', () => {
    const bytes = Buffer.concat([Buffer.from('{"é":"'), Buffer.from([0xff]), Buffer.from('"}')])
    assert.throws(() => decodeUtf8(bytes), {
      code: 'request_malformed',
      message: 'The body is not UTF-8 at byte 8.',
    })
    for (const bad of [
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0x22, 0xe2, 0x82],
    ])
      assert.throws(() => decodeUtf8(Buffer.from(bad)), { code: 'request_malformed' })
  })

  it('may contain the replacement character itself', () => {
    assert.equal(decodeUtf8(Buffer.from('"\uFFFD"')).text, '"\uFFFD"')
  })

  it('is blank when it is only white space of JSON', () => {
    assert.deepEqual(['', ' \t\r\n', '\u00A0', '0'].map(isBlank), [true, true, false, false])
  })
})
