import assert from 'node:assert/strict'
import { GatewayError, members, type MembersOptions, type RequestView } from 'good-gateway'

const view = (value: unknown, type: string | undefined = 'application/json'): RequestView => ({
  method: 'POST',
  path: '/',
  params: {},
  headers: type === '' ? {} : { 'content-type': type },
  bytes: Buffer.from(value === undefined ? '' : JSON.stringify(value)),
  json: () => structuredClone(value),
})

const made = (options: MembersOptions, value: unknown): unknown =>
  members(options).request(view(value))?.body

describe('members', () => {
  const cases: readonly (readonly [string, MembersOptions, unknown, unknown])[] = [
    ['removes', { remove: ['a', 'none'] }, { a: 1, b: 2 }, { b: 2 }],
    [
      'removes below',
      { remove: ['/a/b', '/l/0'] },
      { a: { b: 1, c: 2 }, l: [1, 2] },
      { a: { c: 2 }, l: [2] },
    ],
    ['renames, in place of what has the name', { rename: { a: 'b' } }, { a: 1, b: 2 }, { b: 1 }],
    ['renames below', { rename: { '/a/b': 'c' } }, { a: { b: 1 } }, { a: { c: 1 } }],
    ['replaces what is there', { replace: { a: 9, b: 9 } }, { a: 1 }, { a: 9 }],
    ['adds what is not', { add: { a: 9, b: 9 } }, { a: 1 }, { a: 1, b: 9 }],
    ['adds to the end of a list', { add: { '/l/-': 3 } }, { l: [1] }, { l: [1, 3] }],
    ['appends', { append: { a: 2, b: 2, c: 2 } }, { a: 1, b: [1] }, { a: [1, 2], b: [1, 2], c: 2 }],
    ['takes a dot for a dot', { remove: ['a.b'] }, { 'a.b': 1, a: { b: 1 } }, { a: { b: 1 } }],
    [
      'reads escapes of pointers',
      { remove: ['/a~1b', '/c~0d'] },
      { 'a/b': 1, 'c~d': 2, e: 3 },
      { e: 3 },
    ],
    [
      'does it in its order',
      { append: { d: 3 }, add: { d: 2 }, replace: { b: 1 }, rename: { a: 'b' }, remove: ['b'] },
      { a: 0, b: 5 },
      { b: 1, d: [2, 3] },
    ],
  ]
  for (const [name, options, before, after] of cases)
    it(name, () => assert.deepEqual(made(options, before), after))

  for (const [name, options, value] of [
    ['nothing is there to remove', { remove: ['a'] }, { b: 1 }],
    ['the way leads over what is no object', { remove: ['/a/b'] }, { a: 1 }],
    ['it is a list', { remove: ['length'], rename: { '0': 'x' } }, [1]],
    [
      'the length of a list is meant',
      { remove: ['/l/length'], replace: { '/l/length': 0 } },
      { l: [1] },
    ],
    ['it is a scalar', { add: { a: 1 } }, 'text'],
    ['there is no body', { add: { a: 1 } }, undefined],
    ['a member is inherited', { remove: ['/constructor/name', 'toString'] }, {}],
  ] as const)
    it(`changes nothing where ${name}`, () => assert.equal(made(options, value), undefined))

  it('keeps requests apart', () => {
    const twice = members({ add: { a: [] as number[] }, append: { a: 1 } })
    for (let at = 0; at < 2; at++) assert.deepEqual(twice.request(view({}))?.body, { a: [1] })
    const deep = members({ add: { a: {}, '/a/b': [1] } })
    assert.deepEqual(deep.request(view({}))?.body, { a: { b: [1] } })
    assert.deepEqual(deep.request(view({}))?.body, { a: { b: [1] } })
  })

  it('refuses a request that is not JSON, takes one without a type for JSON, and lets a response pass', () => {
    const adds = members({ add: { a: 1 } })
    assert.throws(
      () => adds.request(view({}, 'text/plain')),
      (error) => GatewayError.is(error) && error.status === 415,
    )
    assert.deepEqual(adds.request(view({}, ''))?.body, { a: 1 })
    assert.deepEqual(adds.request(view({}, 'application/merge-patch+json'))?.body, { a: 1 })
    const { method: _, path: __, params: ___, ...rest } = view({}, 'text/html')
    assert.equal(adds({ ...rest, status: 200 }), undefined)
  })

  for (const [options, message] of [
    [{}, /pass one of remove, rename/],
    [{ removes: ['a'] }, /unknown option "removes"/],
    [{ remove: 'a' }, /remove must be a list/],
    [{ add: ['a'] }, /add must be an object/],
    [{ rename: { a: '/b' } }, /rename "a" needs the new name/],
    [{ rename: { a: 1 } }, /rename "a" needs the new name/],
    [{ remove: [''] }, /"" is no name/],
    [{ remove: ['/a~2'] }, /"\/a~2" is no name/],
    [{ add: { __proto__x: 1, ['__proto__']: 1 } }, /"__proto__" is no name/],
    [{ add: { a: 1n } }, /add "a" needs a value that JSON has/],
    [{ append: { '/a/b': undefined } }, /append "\/a\/b" needs a value that JSON has/],
    [null, /pass one of/],
  ] as const)
    it(`says at mount what is wrong with ${typeof options === 'object' && options && 'add' in options ? 'add' : JSON.stringify(options)}: ${message.source}`, () =>
      assert.throws(() => members(options as never), message))
})
