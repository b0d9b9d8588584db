import assert from 'node:assert/strict'
import { Ajv } from 'ajv'
import { describe, it } from 'mocha'
import { compile } from '../../../src/validation/schema/compile.js'
import { validateStep } from '../../../src/validation/validate.js'
import { document, examples, options, schemaFor } from '../../support/github.js'

const settings = { maxErrors: 1, schemas: undefined, ajv: undefined }
const matches = (schema: object, value: unknown, more: object = {}) =>
  compile('body', schema, { ...settings, ...more }).check(value) === undefined
// What JavaScript callers may pass, whatever the types say.
const mount = validateStep as unknown as (...args: unknown[]) => unknown
const DRAFT_07 = 'http://json-schema.org/draft-07/schema#'

describe('a schema', () => {
  it('is of the dialect that its $schema names, draft 2020-12 by default', () => {
    const pair = { type: 'array', prefixItems: [{ type: 'string' }] }
    assert.equal(matches(pair, [1]), false)
    assert.equal(
      matches({ ...pair, $schema: 'https://json-schema.org/draft/2020-12/schema' }, [1]),
      false,
    )
    const old = { type: 'array', items: [{ type: 'string' }] }
    for (const $schema of [
      DRAFT_07,
      'https://json-schema.org/draft-07/schema',
      'https://json-schema.org/draft/2019-09/schema#',
    ])
      assert.equal(matches({ ...old, $schema }, [1]), false, $schema)
  })

  it('may refer to itself by its own $id, and leaves the $id free for others', () => {
    const tree = (type: string) => ({
      $id: 'https://example.com/tree',
      type: 'object',
      properties: { value: { type }, child: { $ref: 'tree' } },
    })
    assert.equal(matches(tree('string'), { child: { child: { value: 1 } } }), false)
    assert.equal(matches(tree('number'), { child: { child: { value: 1 } } }), true)
  })

  it('may refer to the documents given at mount, by their $id', () => {
    const schemas = [
      { $id: 'https://example.com/a', $defs: { n: { $ref: 'b#/$defs/n' } } },
      { $id: 'https://example.com/b', $defs: { n: { type: 'number' } } },
      { $id: 'https://example.com/old', $schema: DRAFT_07, type: 'string' },
    ]
    assert.equal(matches({ $ref: 'https://example.com/a#/$defs/n' }, 'x', { schemas }), false)
    assert.equal(matches({ $ref: 'https://example.com/a#/$defs/n' }, 5, { schemas }), true)
    assert.equal(
      matches({ $schema: DRAFT_07, $ref: 'https://example.com/old' }, 5, { schemas }),
      false,
    )
    assert.equal(matches(schemas[1] ?? {}, 5, { schemas }), true)
  })

  it('may refer to an anchor in one of these documents', () => {
    const schemas = [
      { $id: 'https://example.com/a', $defs: { n: { $anchor: 'count', type: 'number' } } },
    ]
    assert.equal(matches({ $ref: 'https://example.com/a#count' }, 'x', { schemas }), false)
    assert.equal(matches({ $ref: 'https://example.com/a#count' }, 5, { schemas }), true)
  })

  it('may be a function that ajv compiled before', () => {
    const validate = new Ajv().compile({ type: 'object', required: ['a'] })
    const checker = compile('body', validate, settings)
    assert.equal(checker.check({ a: 1 }), undefined)
    const errors = checker.check({}) ?? []
    assert.deepEqual(checker.explain(errors, {}).errors, [
      { in: 'body', pointer: '#/a', code: 'required', detail: 'is required' },
    ])
  })

  it('never matches by a promise of a foreign function', () => {
    const validate = Object.assign(() => Promise.resolve(true), { schema: {} }) as unknown as object
    const checker = compile('body', validate, settings)
    assert.throws(() => checker.check({}), { code: 'gateway_misconfigured' })
  })

  it('sees own members only', () => {
    assert.equal(matches({ type: 'object', required: ['constructor', 'toString'] }, {}), false)
  })

  it('knows formats, and those of the caller before', () => {
    assert.equal(matches({ type: 'string', format: 'email' }, 'x'), false)
    assert.equal(
      matches({ type: 'string', format: 'email' }, 'x', { ajv: { formats: { email: /^x$/ } } }),
      true,
    )
  })

  it('is never written to', () => {
    const freeze = <T>(value: T): T => {
      if (typeof value === 'object' && value !== null)
        Object.values(Object.freeze(value)).forEach(freeze)
      return value
    }
    const schema = freeze({
      $schema: 'https://json-schema.org/draft-07/schema',
      $ref: 'https://example.com/x',
    })
    const more = freeze({
      schemas: [{ $schema: DRAFT_07, $id: 'https://example.com/x', type: 'string' }],
      ajv: { keywords: ['k'] },
    })
    assert.equal(matches(schema, 1, more), false)
    mount({ body: schema }, { ...more, contentType: freeze(['application/json']) })
  })

  it('is compiled once for the same object', () => {
    const schema = { type: 'object' }
    const first = process.hrtime.bigint()
    for (let round = 0; round < 1000; round += 1) compile('body', schema, settings)
    // One compilation takes milliseconds; a thousand would take seconds.
    assert.ok(Number(process.hrtime.bigint() - first) / 1e6 < 500)
  })

  it('is quick to compile on 58 routes over one document of 600 KB', function () {
    this.timeout(120_000)
    const shared = { schemas: [{ ...document }], ajv: { ...options.ajv }, maxErrors: 1 }
    const events = [...new Set(examples.map(({ event }) => event))]
    const time = (mine: () => typeof shared) => {
      const start = process.hrtime.bigint()
      for (const event of events.slice(0, 10)) compile('body', schemaFor(event), mine())
      return Number(process.hrtime.bigint() - start) / 1e6
    }
    const together = time(() => shared)
    const apart = time(() => ({ ...shared, ajv: { ...options.ajv } }))
    assert.ok(together < apart, `shared ${together} ms, apart ${apart} ms`)
  })
})

describe('a wrong mount', () => {
  const body = { type: 'object' }
  for (const [title, args, message] of [
    [
      'an unknown keyword',
      [{ body: { propertis: {} } }],
      /schema of body does not compile: .*"propertis"; correct it, or allow it with ajv: \{ keywords/,
    ],
    [
      'an $anchor in draft-07',
      [{ body: { $schema: DRAFT_07, $anchor: 'a' } }],
      /unknown keyword: "\$anchor"/,
    ],
    [
      'an invalid schema',
      [{ query: { type: 'strng' } }],
      /schema of query does not compile: schema is invalid: data\/type/,
    ],
    [
      'an unknown format',
      [{ body: { type: 'string', format: 'x' } }],
      /unknown format "x".*ajv: \{ formats/,
    ],
    ['a bad pattern', [{ body: { type: 'string', pattern: '(' } }], /Invalid regular expression/],
    [
      'an unresolved reference',
      [{ body: { $ref: 'https://example.com/none' } }],
      /can't resolve reference https:\/\/example.com\/none .*option schemas/,
    ],
    [
      'an old dialect',
      [{ body: { $schema: 'http://json-schema.org/draft-04/schema#' } }],
      /draft-04.*use draft-07, 2019-09 or 2020-12/,
    ],
    [
      'an asynchronous schema',
      [{ body: { $async: true, $schema: DRAFT_07 } }],
      /schema of body must not be \$async/,
    ],
    ['a schema that is none', [{ params: 'object' }], /schema of params must be a JSON Schema/],
    ['no schema', [{}], /no schema given/],
    ['no schema at all', [], /no schema given/],
    ['an unknown part', [{ bdy: body }], /"bdy": no such part; the parts are body/],
    [
      'responses without a schema',
      [{ body, response: {} }],
      /response: no schema given; pass for example \{ 200: schema \}/,
    ],
    [
      'a status that is none',
      [{ response: { 2000: body } }],
      /response: "2000" is no status; use 200, '2xx' or default/,
    ],
    [
      'a wrong schema of a response',
      [{ response: { '2xx': { type: 'strin' } } }],
      /the schema of response 2xx does not compile: .*type/,
    ],
    ['a mode that is none', [{ body }, { mode: 'warn' }], /"mode" must be "enforce" or "report"/],
    [
      'header names in capitals',
      [{ headers: { type: 'object', required: ['X-Key'] } }],
      /headers: write "X-Key" in lower case/,
    ],
    [
      'an unknown option',
      [{ body }, { maxErors: 2 }],
      /unknown option "maxErors"; did you mean "maxErrors"\?/,
    ],
    ['a bad limit', [{ body }, { limit: 'big' }], /"limit" must be a size such as '1mb'/],
    ['a negative limit', [{ body }, { limit: -1 }], /limit/],
    [
      'maxErrors over 20',
      [{ body }, { maxErrors: 21 }],
      /"maxErrors" must be a whole number from 1 to 20/,
    ],
    ['a maxDepth of none', [{ body }, { maxDepth: 0 }], /"maxDepth" must be/],
    ['an endless bodyTimeout', [{ body }, { bodyTimeout: Infinity }], /"bodyTimeout" must be/],
    ['no content type', [{ body }, { contentType: [] }], /"contentType" must be a list/],
    ['a limit in a unit that is none', [{ body }, { limit: '1MiB' }], /"limit" must be a size/],
    [
      'a content type that is not JSON',
      [{ body }, { contentType: ['multipart/form-data'] }],
      /contentType "multipart\/form-data" is no media type of JSON or a form/,
    ],
    ['a document without $id', [{ body }, { schemas: [{}] }], /schemas\[0\] has no \$id/],
    [
      'documents of one $id',
      [{ body }, { schemas: [{ $id: 'a' }, { $id: 'a' }] }],
      /already exists; give each document an \$id of its own/,
    ],
    [
      'an instance of ajv',
      [{ body }, { ajv: new Ajv() }],
      /"ajv" must be an object of options for ajv, not an instance/,
    ],
    [
      'coercion of bodies',
      [{ body }, { ajv: { coerceTypes: true } }],
      /ajv.coerceTypes cannot be set/,
    ],
    [
      'all errors of ajv',
      [{ body }, { ajv: { allErrors: true } }],
      /ajv.allErrors cannot be set: use the option maxErrors/,
    ],
    ['limits from the client', [{ body }, { ajv: { $data: true } }], /ajv.\$data cannot be set/],
  ] as const)
    it(`is a TypeError in one line: ${title}`, () => {
      assert.throws(
        () => mount(...args),
        (error: unknown) =>
          error instanceof TypeError &&
          message.test(error.message) &&
          !error.message.includes('\n'),
      )
    })
})
