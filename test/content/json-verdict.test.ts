import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, it } from 'mocha'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { findFault } from '../../src/content/json-fault.js'
import { parseJson } from '../../src/content/json.js'
import { countQuotes } from '../../src/content/quotes.js'
import { countStrings } from '../../src/content/strings.js'

const MAX_DEPTH = 6

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Strings, also with escapes that need not be and with what would be structure outside of them. */
const string = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }).map(escaped),
      fc.constantFrom('\\"', '\\\\', '\\\\\\"', '\\u0022', '\\u005C', ':', '{', '],', 'é', '中'),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join('')}"`)

const name = fc.oneof(
  often(20, string),
  often(10, fc.constantFrom('"a"', '"\\u0061"', '"b"', '"1"', '"constructor"')),
  often(1, fc.constantFrom('"__proto__"', '"__pr\\u006fto__"')),
)

const scalar = fc.oneof(
  often(9, fc.constantFrom('true', 'false', 'null', '-0', '1e-999', '12345678901234567890')),
  often(9, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
  often(1, fc.constantFrom('1e400', '-1E+999', '9'.repeat(400))),
  often(20, string),
)

const space = fc.constantFrom('', '', ' ', '\n', '\t\r\n')

const list = (open: string, parts: fc.Arbitrary<readonly string[]>, close: string) =>
  fc
    .tuple(space, parts)
    .map(([gap, items]) => `${open}${gap}${items.join(`${gap},`)}${gap}${close}`)

const { value } = fc.letrec<{ value: string; member: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    list('[', fc.array(tie('value'), { maxLength: 5 }), ']'),
    list('{', fc.uniqueArray(tie('member'), { maxLength: 5, selector: nameOf }), '}'),
    // The same names again and again.
    list('{', fc.array(tie('member'), { maxLength: 2 }), '}'),
  ),
  member: fc.tuple(name, space, tie('value')).map(([key, gap, inner]) => `${key}${gap}:${inner}`),
}))

function nameOf(member: string): string {
  return JSON.parse(/^"(?:\\.|[^"\\])*"/.exec(member)?.[0] ?? '""') as string
}

/** Long enough for each of the ways in which quotes are counted. */
const neighbour = fc.constantFrom(
  '1',
  JSON.stringify('x'.repeat(9000)),
  JSON.stringify('"x\\"'.repeat(900)),
  JSON.stringify(Array.from({ length: 300 }, (_, at) => `n${at}`)),
  JSON.stringify(Array.from({ length: 300 }, (_, at) => `"${at}\\`)),
  JSON.stringify(['中'.repeat(999), Array.from({ length: 300 }, (_, at) => `é${at}`)]),
)

const text = fc.oneof(
  value,
  fc.tuple(neighbour, value).map(([near, inner]) => `[${near},${inner}]`),
  fc.tuple(neighbour, value).map(([near, inner]) => `{"near":${near},"far":${inner}}`),
)

const piece = fc.constantFrom(
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  'e9',
  '"a":1,',
  '\0',
  ' ',
)

/** The same with one place broken. */
const broken = fc
  .tuple(text, fc.nat(), fc.nat({ max: 3 }), piece)
  .map(([whole, place, dropped, put]) => {
    const at = place % whole.length
    return whole.slice(0, at) + put + whole.slice(at + dropped)
  })

const utf8 = (whole: string) => ({ text: whole, bytes: Buffer.from(whole) })

function verdict(whole: string): string {
  try {
    assert.deepEqual(parseJson(utf8(whole), MAX_DEPTH), JSON.parse(whole))
    return 'accepted'
  } catch (error) {
    if (GatewayError.is(error)) return 'refused'
    throw error
  }
}

describe('the two ways to judge JSON', () => {
  const agree = (whole: string, seen: Record<string, number>): void => {
    const fault = findFault(whole, MAX_DEPTH)
    assert.equal(verdict(whole), fault === undefined ? 'accepted' : 'refused', fault?.reason)
    const kind = fault?.reason.replace(/".*"|\d+/g, '') ?? 'accepted'
    seen[kind] = (seen[kind] ?? 0) + 1
  }

  it('agree about texts of the grammar', () => {
    const seen: Record<string, number> = {}
    fc.assert(
      fc.property(text, (whole) => agree(whole, seen)),
      { numRuns: 6000 },
    )
    const kinds = [
      'accepted',
      'a second member named ',
      'the member name __proto__',
      'a number beyond the range of a double',
      'nested deeper than  levels',
    ]
    assert.deepEqual(Object.keys(seen).toSorted(), kinds.toSorted())
    for (const kind of kinds) assert.ok((seen[kind] ?? 0) >= 30, JSON.stringify(seen))
  })

  it('agree about texts that are broken at one place', () => {
    const seen: Record<string, number> = {}
    fc.assert(
      fc.property(broken, (whole) => agree(whole, seen)),
      { numRuns: 6000 },
    )
    assert.ok((seen['accepted'] ?? 0) > 300, JSON.stringify(seen))
  })

  it('need the slow one for no text that is accepted', () => {
    fc.assert(
      fc.property(text, (whole) => {
        if (findFault(whole, MAX_DEPTH) !== undefined) return
        const strings = countStrings(JSON.parse(whole), MAX_DEPTH)
        assert.equal(countQuotes(utf8(whole), 2 * strings), 2 * strings)
      }),
      { numRuns: 3000 },
    )
  })

  it('agree when a library has put a member on all objects', () => {
    const all: { more?: unknown } = Object.prototype
    all.more = () => undefined
    try {
      for (const whole of ['{"a":1}', '{"more":1}', '{"a":1,"a":2}', '[{"a":"x","a":""},{}]'])
        agree(whole, {})
    } finally {
      delete all.more
    }
  })
})
