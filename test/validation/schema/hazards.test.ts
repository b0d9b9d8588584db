import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { validate } from 'good-gateway'
import { hasNestedQuantifiers } from '../../../src/validation/schema/hazards.js'

/** The warnings of mounting something. */
async function warningsOf(mount: () => unknown): Promise<string[]> {
  const seen: string[] = []
  const listener = ({ message }: Error) => seen.push(message)
  process.on('warning', listener)
  mount()
  await setImmediate()
  process.off('warning', listener)
  return seen
}

/** A branch with a member that leads back, and is of the type that is given. */
const back = ($ref: string, type = 'object') =>
  type === 'array' ? { type, items: { $ref } } : { type, properties: { inner: { $ref } } }

describe('schemas that can make checks slow', () => {
  const slow: [string, object, RegExp][] = [
    [
      'unique items without a bound',
      { properties: { tags: { type: 'array', uniqueItems: true } } },
      /body: #\/properties\/tags has uniqueItems without maxItems.*add maxItems/,
    ],
    [
      'a pattern with nested quantifiers',
      { type: 'string', pattern: '^(a+)+$' },
      /body: # has a pattern with nested quantifiers.*ajv\.code\.regExp/,
    ],
    [
      'such a pattern of names',
      { type: 'object', patternProperties: { '^([a-z]*)*$': {} } },
      /body: # has a pattern/,
    ],
    [
      'a union that two of its branches lead back to',
      { oneOf: [back('#'), back('#'), { type: 'string' }] },
      /body: # has branches that lead back to it.*exponential.*maxDepth/,
    ],
    [
      'such a union in a definition',
      { $ref: '#/$defs/node', $defs: { node: { anyOf: [1, 2].map(() => back('#/$defs/node')) } } },
      /body: #\/\$defs\/node has branches that lead back to it/,
    ],
  ]
  for (const [what, schema, message] of slow) {
    it(`cause a warning at mount, once: ${what}`, async () => {
      const seen = await warningsOf(() => {
        validate({ body: schema })
        validate({ body: schema })
      })
      assert.equal(seen.length, 1)
      assert.match(seen[0] ?? '', message)
    })
  }

  it('cause a warning in shared documents', async () => {
    const document = {
      $id: 'https://x.example/d',
      $defs: { a: { type: 'array', uniqueItems: true } },
    }
    const [seen] = await warningsOf(() =>
      validate({ body: { $ref: 'https://x.example/d#/$defs/a' } }, { schemas: [document] }),
    )
    assert.match(seen ?? '', /a document of the option schemas: #\/\$defs\/a has uniqueItems/)
  })

  const quick: [string, object][] = [
    ['a bound', { type: 'array', uniqueItems: true, maxItems: 10 }],
    ['items that are hashed', { type: 'array', uniqueItems: true, items: { type: 'string' } }],
    ['a slug', { type: 'string', pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$' }],
    [
      'a union whose branches lead back for different types',
      { oneOf: [back('#'), back('#', 'array')] },
    ],
    ['a union that one branch leads back to', { oneOf: [back('#'), { type: 'object' }] }],
  ]
  for (const [what, schema] of quick) {
    it(`cause no warning where there is ${what}`, async () => {
      assert.deepEqual(await warningsOf(() => validate({ body: schema })), [])
    })
  }

  it('take linear time with an engine of the user, as in the guide', () => {
    const used: string[] = []
    const regExp = Object.assign(
      (pattern: string, flags: string) => {
        used.push(pattern)
        return new RegExp(pattern, flags)
      },
      { code: 'new RegExp' },
    )
    validate({ body: { type: 'string', pattern: '^a$' } }, { ajv: { code: { regExp } } })
    assert.ok(used.includes('^a$'))
  })
})

describe('nested quantifiers', () => {
  const nested = [
    '(a+)+',
    '^(?:a*)*$',
    '(x+x+)+y',
    '([a-z]+)*',
    '(a|b+)*',
    '((a+))+',
    '(\\w+\\s?)*',
    '(?<n>a{2,})+',
  ]
  const plain = [
    'a+',
    '(a+b)+',
    '(?:\\.\\d+)*',
    '^(ab)+$',
    '(a+)?',
    '\\(a+\\)+',
    '[(a+)+]',
    '(a+){2}',
    '^\\p{L}+$',
  ]
  for (const pattern of nested)
    it(`are found in ${pattern}`, () => assert.equal(hasNestedQuantifiers(pattern), true))
  for (const pattern of plain)
    it(`are not found in ${pattern}`, () => assert.equal(hasNestedQuantifiers(pattern), false))
})
