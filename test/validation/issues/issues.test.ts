import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, it } from 'mocha'
import { compile } from '../../../src/validation/schema/compile.js'

const settings = { maxErrors: 1, schemas: undefined, ajv: undefined }

/** The issues of a body, each in one line. */
function issues(schema: object | boolean, value: unknown, maxErrors = 1): string[] {
  const checker = compile('body', schema, { ...settings, maxErrors })
  const errors = checker.check(value) ?? []
  return checker
    .explain(errors, value)
    .errors.map(({ pointer, code, detail }) => `${pointer} ${code}: ${detail}`)
}
const open = { type: 'object', additionalProperties: true }
const closed = { type: 'object', additionalProperties: false }

describe('the issues of a schema', () => {
  const item = {
    type: 'object',
    required: ['sku', 'qty'],
    properties: { sku: { type: 'string' }, qty: { type: 'integer', minimum: 1 } },
    additionalProperties: false,
  }
  const order = { type: 'object', properties: { items: { type: 'array', items: item } } }

  it('point at a missing member itself', () => {
    assert.deepEqual(issues(order, { items: [{ sku: 'a' }] }), [
      '#/items/0/qty required: is required',
    ])
    assert.deepEqual(issues({ ...open, dependentRequired: { a: ['b'] } }, { a: 1 }), [
      '#/b dependentRequired: is required when "a" is present',
    ])
    assert.deepEqual(
      issues(
        { ...open, $schema: 'http://json-schema.org/draft-07/schema#', dependencies: { a: ['b'] } },
        { a: 1 },
      ),
      ['#/b dependencies: is required when "a" is present'],
    )
  })

  it('point at a member that is not allowed, and name the one that was meant', () => {
    assert.deepEqual(issues(order, { items: [{ sku: 'a', qty: 1, qyt: 1 }] }), [
      '#/items/0/qyt additionalProperties: is not allowed; did you mean "qty"?',
    ])
    assert.deepEqual(
      issues(
        { type: 'object', properties: { name: {} }, unevaluatedProperties: false },
        { zzz: 1 },
      ),
      ['#/zzz unevaluatedProperties: is not allowed'],
    )
    assert.deepEqual(issues({ ...open, propertyNames: { pattern: '^[a-z]+$' } }, { 'A b': 1 }), [
      '#/A%20b propertyNames: has a name that is not allowed',
    ])
  })

  it('point at surplus and repeated items', () => {
    assert.deepEqual(issues({ type: 'array', prefixItems: [{}], items: false }, [1, 2]), [
      '#/1 items: is not allowed: the most items are 1',
    ])
    assert.deepEqual(issues({ type: 'array', uniqueItems: true }, ['x', 'y', 'x']), [
      '#/2 uniqueItems: must not repeat an earlier item',
    ])
  })

  it('write pointers as URI fragments', () => {
    for (const [name, pointer] of Object.entries({
      'a/b': '#/a~1b',
      'a~b': '#/a~0b',
      é: '#/%C3%A9',
      'a b': '#/a%20b',
      '50%': '#/50%25',
      'a#b': '#/a%23b',
      '"': '#/%22',
      '\ud800': '#/%EF%BF%BD',
    }))
      assert.deepEqual(issues({ ...open, required: [name] }, {}), [
        `${pointer} required: is required`,
      ])
  })

  it('end a pointer that would be too long at its parent', () => {
    assert.deepEqual(
      issues({ type: 'object', properties: { a: closed } }, { a: { ['x'.repeat(1e5)]: 1 } }),
      ['#/a additionalProperties: is not allowed'],
    )
  })

  for (const [schema, value, said] of [
    [{ type: ['string', 'null'] }, 1, 'type: must be a string or null'],
    [{ type: 'number', minimum: 1 }, 0, 'minimum: must be >= 1'],
    [{ type: 'number', exclusiveMaximum: 5 }, 5, 'exclusiveMaximum: must be < 5'],
    [{ type: 'number', multipleOf: 5 }, 7, 'multipleOf: must be a multiple of 5'],
    [{ type: 'string', minLength: 1 }, '', 'minLength: must have at least 1 character, and has 0'],
    [
      { type: 'string', maxLength: 2 },
      'abc',
      'maxLength: must have at most 2 characters, and has 3',
    ],
    [{ type: 'string', pattern: '^a' }, 'b', 'pattern: must match the pattern ^a'],
    [{ type: 'string', format: 'date-time' }, 'b', 'format: must have the format "date-time"'],
    [{ type: 'array', minItems: 2 }, [1], 'minItems: must have at least 2 items, and has 1'],
    [
      { ...open, maxProperties: 0 },
      { a: 1 },
      'maxProperties: must have at most 0 members, and has 1',
    ],
    [
      { type: 'array', contains: { const: 1 }, minContains: 2 },
      [1, 3],
      'contains: must contain at least 2 of the items that the schema describes',
    ],
    [{ not: { type: 'string' } }, 's', 'not: must not have the form that the schema excludes'],
    [{ const: { a: 1 } }, 2, 'const: must be {"a":1}'],
    [
      { enum: ['draft', 'paid', 3] },
      'darft',
      'enum: must be "draft", "paid" or 3; did you mean "draft"?',
    ],
    [{ enum: [1, 2] }, 'x', 'enum: must be 1 or 2'],
    [false, 1, 'false schema: is not allowed'],
    [
      { oneOf: [{ minimum: 1 }, { maximum: 5 }], type: 'number' },
      3,
      'oneOf: must match only one of the allowed forms',
    ],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 5, 'type: must be a string or null'],
  ] as const)
    it(`say what ${said.split(':')[0]} expects in plain English: ${said}`, () => {
      assert.deepEqual(issues(schema, value), [`# ${said}`])
    })

  it('list ten values of a long enum and stay short', () => {
    const [line = ''] = issues(
      { enum: Array.from({ length: 500 }, (_, index) => `value-${index}`) },
      1,
    )
    assert.match(line, /"value-9" and 490 more$/)
    assert.ok((issues({ const: 'x'.repeat(1e4) }, 1)[0] ?? '').length < 330)
  })

  it('never echo a value of the client', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string', pattern: '^x', enum: ['x1'], format: 'email' } },
    }
    for (const value of ['hunter2', 4711, { hunter2: 'hunter2' }])
      assert.doesNotMatch(issues(schema, { a: value }, 20).join(), /hunter2|4711/)
  })

  it('are as many as maxErrors, and say when there are more', () => {
    const schema = { type: 'array', items: { type: 'integer' } }
    const checker = compile('body', schema, { ...settings, maxErrors: 3 })
    const explained = (value: unknown) => checker.explain(checker.check(value) ?? [], value)
    assert.deepEqual(
      explained(['a', 'b', 1, 'c', 'd']).errors.map(({ pointer }) => pointer),
      ['#/0', '#/1', '#/3'],
    )
    assert.equal(explained(['a', 'b', 1, 'c', 'd']).truncated, true)
    assert.equal(explained(['a', 'b', 1, 'c']).truncated, false)
    assert.equal(explained(Array.from({ length: 100_000 }, () => 'x')).errors.length, 3)
  })

  it('suggest only names that the schema shows', () => {
    const long = (index: number) => `${index}`.padStart(60, 'n')
    const declared = Array.from({ length: 200 }, (_, index) => [long(index), {}] as const)
    const schema = { ...closed, properties: Object.fromEntries(declared) }
    const sent = Array.from({ length: 2000 }, (_, index) => [`${long(index)}x`, 1] as const)
    const value = Object.fromEntries(sent)
    const checker = compile('body', schema, { ...settings, maxErrors: 20 })
    const { errors, truncated } = checker.explain(checker.check(value) ?? [], value)
    assert.deepEqual([errors.length, truncated], [20, true])
    assert.match(errors[0]?.detail ?? '', /did you mean "n+0"/)
  }).timeout(2000)

  it('name only the type where the type is wrong', () => {
    const schema = { ...open, properties: { a: { type: 'string', enum: ['x'] } } }
    assert.deepEqual(issues(schema, { a: 1 }, 20), ['#/a type: must be a string'])
  })
})

describe('the issues of a union', () => {
  const event = (action: string, more: object) => ({
    type: 'object',
    required: ['action', ...Object.keys(more)],
    properties: { action: { const: action }, ...more },
  })
  const user = { type: 'object', required: ['login'], properties: { login: { type: 'string' } } }
  const schema = {
    $defs: { opened: event('opened', { issue: user }), user },
    oneOf: [
      event('closed', { reason: { type: 'string' } }),
      { $ref: '#/$defs/opened' },
      { oneOf: [event('moved', { from: user }), event('moved', { to: user })] },
      { type: 'null' },
    ],
  }

  for (const maxErrors of [1, 20]) {
    const found = (value: unknown) => issues(schema, value, maxErrors)

    it(`are those of the branch that the value chose (maxErrors ${maxErrors})`, () => {
      assert.deepEqual(found({ action: 'opened', issue: {} }), [
        '#/issue/login required: is required',
      ])
      assert.deepEqual(found({ action: 'opened' }), ['#/issue required: is required'])
      assert.deepEqual(found({ action: 'closed', reason: 1 }), ['#/reason type: must be a string'])
      assert.deepEqual(found({ action: 'moved', to: { login: 1 } }), [
        '#/to/login type: must be a string',
      ])
    })

    it(`point at the member that chooses when no branch takes its value (maxErrors ${maxErrors})`, () => {
      assert.deepEqual(found({ action: 'opend', issue: {} }), [
        '#/action enum: must be "closed", "opened" or "moved"; did you mean "opened"?',
      ])
      assert.deepEqual(found({ reason: 'x' }).slice(0, 1), ['#/action required: is required'])
    })

    it(`name the types when none fits (maxErrors ${maxErrors})`, () => {
      assert.deepEqual(found('x'), ['# type: must be an object or null'])
    })
  }

  it('are those of the branch that fits best where nothing chooses', () => {
    const point = {
      ...closed,
      required: ['x', 'y'],
      properties: { x: { type: 'number' }, y: { type: 'number' } },
    }
    const line = { ...closed, required: ['from', 'to'], properties: { from: point, to: point } }
    const shape = { anyOf: [point, line] }
    assert.deepEqual(issues(shape, { from: { x: 1, y: 1 }, to: { x: 1 } }), [
      '#/to/y required: is required',
    ])
    assert.deepEqual(issues(shape, { x: 1, y: 'a' }), ['#/y type: must be a number'])
    assert.deepEqual(issues(shape, { x: 1 }), ['#/y required: is required'])
  })

  it('are those of the branch with the fewest missing members, and then of the one that matches deepest', () => {
    const number = { type: 'number' }
    const point = { ...open, required: ['x', 'y'], properties: { x: number, y: number } }
    const line = { ...open, required: ['from', 'to', 'width'] }
    assert.deepEqual(issues({ anyOf: [line, point] }, { x: 1 }), ['#/y required: is required'])
    const flat = { ...open, properties: { a: number } }
    const nested = { ...open, properties: { a: { ...open, properties: { b: number } } } }
    assert.deepEqual(issues({ anyOf: [flat, nested] }, { a: { b: 'x' } }), [
      '#/a/b type: must be a number',
    ])
  })

  it('are found in a body of 90,000 members without looking at all of them for each branch', () => {
    const branches = Array.from({ length: 50 }, (_, index) => ({
      ...closed,
      required: ['kind', `m${index}`, `n${index}`],
      properties: { [`m${index}`]: {}, [`n${index}`]: {}, kind: {} },
    }))
    const members = Array.from({ length: 90_000 }, (_, index) => [`x${index}`, index] as const)
    assert.deepEqual(issues({ oneOf: branches }, Object.fromEntries([...members, ['m7', 1]])), [
      '#/kind required: is required',
    ])
  }).timeout(2000)

  it('name what a condition requires, not the condition', () => {
    const conditional = {
      ...open,
      if: { required: ['a'] },
      // oxlint-disable-next-line unicorn/no-thenable
      then: { required: ['b'] },
    }
    assert.deepEqual(issues(conditional, { a: 1 }, 20), ['#/b required: is required'])
  })

  it('go through allOf, conditions, lists and recursive references', () => {
    const tree = {
      $defs: {
        node: {
          type: 'object',
          properties: {
            kind: { enum: ['leaf', 'branch'] },
            children: { type: 'array', items: { $ref: '#/$defs/node' } },
          },
          allOf: [
            {
              if: { properties: { kind: { const: 'leaf' } } },
              // oxlint-disable-next-line unicorn/no-thenable
              then: { required: ['value'] },
              else: { required: ['children'] },
            },
          ],
        },
      },
      anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }],
    }
    const value = { kind: 'branch', children: [{ kind: 'branch', children: [{ kind: 'leaf' }] }] }
    assert.deepEqual(issues(tree, value), ['#/children/0/children/0/value required: is required'])
  })

  it('keep branches apart that fail in a definition which they share', () => {
    const shared = {
      $defs: { user },
      oneOf: ['a', 'b', 'c'].map((kind) => ({
        type: 'object',
        properties: { sender: { $ref: '#/$defs/user' }, kind: { type: 'string', enum: [kind] } },
      })),
    }
    for (const kind of ['a', 'b', 'c'])
      assert.deepEqual(issues(shared, { kind, sender: {} }), [
        '#/sender/login required: is required',
      ])
  })

  it('are the deepest when a precompiled function does not show its schemas', () => {
    const validate = new Ajv2020({ strict: false }).compile(schema)
    const checker = compile('body', validate, settings)
    const value = { action: 'opened', issue: {} }
    assert.equal(
      checker.explain(checker.check(value) ?? [], value).errors[0]?.pointer,
      '#/issue/login',
    )
  })
})
