import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { describe, it } from 'mocha'
import { compile } from '../../../src/validation/schema/compile.js'

const settings = { maxErrors: 2, schemas: undefined, ajv: undefined }
const schema = { type: 'array', uniqueItems: true, maxItems: 10 }
const checker = compile('body', schema, settings)
const plain = new Ajv2020().compile(schema)

/** JSON texts in which much is equal, and much nearly so. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('1', '1.0', '"1"', 'true', '"true"', 'null', '0', '-0', '""', '"a"'),
    fc.array(tie('json'), { maxLength: 2 }).map((items) => `[${items.join()}]`),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', '', '__proto__'), tie('json')), {
        selector: ([name]) => name,
        maxLength: 3,
      })
      .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join()}}`),
  ),
}))

describe('uniqueItems', () => {
  it("gives the same result as ajv's own", () => {
    const list = fc.array(json, { maxLength: 4 }).map((items) => `[${items.join()}]`)
    fc.assert(
      fc.property(list, (text) => {
        const value: unknown = JSON.parse(text)
        assert.equal(checker.check(value) === undefined, plain(value))
      }),
      {
        numRuns: 2000,
        examples: [
          ['[{"a":1,"b":2},{"b":2,"a":1}]'],
          ['[[{"a":1,"b":[2]}],[{"b":[2],"a":1}]]'],
          ['[1,true,"1","true"]'],
          ['[{"__proto__":1},{"__proto__":2},{}]'],
          ['[{"":[]},{},[["",1]],{"":1}]'],
        ],
      },
    )
  })

  it('points at the first item that repeats another', () => {
    const value = [{ a: 1, b: 2 }, { a: 1 }, { b: 2, a: 1 }, { a: 1 }]
    const { errors } = checker.explain(checker.check(value) ?? [], value)
    assert.deepEqual(
      errors.map(({ pointer, code }) => `${pointer} ${code}`),
      ['#/2 uniqueItems'],
    )
  })

  it('is quick where all errors must be found, however many items there are over maxItems', () => {
    const value = Array.from({ length: 20_000 }, (_, id) => ({ id, tags: ['a', 'b'] }))
    assert.deepEqual(
      checker.check(value)?.map(({ keyword }) => keyword),
      ['maxItems'],
    )
  }).timeout(2000)
})
