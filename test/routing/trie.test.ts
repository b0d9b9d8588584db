import assert from 'node:assert/strict'
import { ANY, parseKey, PARAM, REST } from '../../src/routing/key.js'
import { Trie } from '../../src/routing/trie.js'

describe('parseKey', () => {
  it('reads the method in any case, or none', () => {
    assert.equal(parseKey('GET /orders').method, 'GET')
    assert.equal(parseKey('post  /orders').method, 'POST')
    assert.equal(parseKey('/orders').method, ANY)
  })

  it('reads fixed segments, encoded or not, parameters and the rest', () => {
    const key = parseKey('GET /Käse/a%20b/:id/*')
    assert.deepEqual(key.plain, ['käse', 'a b', PARAM, REST])
    assert.deepEqual(key.names, [undefined, undefined, 'id', '*'])
    assert.deepEqual(parseKey('/k%C3%A4se/a b/').plain, ['käse', 'a b'])
    assert.deepEqual(parseKey('/').plain, [])
    assert.deepEqual(parseKey('/things%3Abatch').plain, ['things:batch'])
  })

  const wrong: Record<string, RegExp> = {
    orders: /"orders": the path must start with "\/"/,
    'GET orders': /"GET orders": the path must start with "\/"/,
    '': /the path must start with/,
    GET: /the path must start with/,
    'GET,POST /orders': /the method must be a word/,
    'GET /a/:id/b/:id': /two parameters are named "id"/,
    'GET /a/*/b': /"\*" must be the last segment/,
    '/a/b*': /the character itself as "%2A"/,
    '/a/:id?': /the name ":id\?" must be/,
    '/a/:': /the name ":" must be/,
    '/a/:x-:y': /the name ":x-:y" must be/,
    '/a/{id}': /write a parameter as a whole segment, ":id"/,
    '/things:batch': /the character itself as "%3A"/,
    '/a?x=1': /"\?" is not a pattern here/,
    '//a': /segment "" are refused as ambiguous/,
    '/a/../b': /segment ".." are refused/,
    '/a%2Fb': /segment "a%2Fb" are refused/,
    '/a%zz': /segment "a%zz" are refused/,
  }
  for (const [key, message] of Object.entries(wrong)) {
    it(`refuses ${JSON.stringify(key)} in one line that names it`, () => {
      assert.throws(
        () => parseKey(key),
        (error: unknown) =>
          error instanceof TypeError &&
          message.test(error.message) &&
          error.message.startsWith(`routes: ${JSON.stringify(key)}: `) &&
          !error.message.includes('\n'),
      )
    })
  }
})

describe('Trie', () => {
  const keys = ['/', '/a', '/a/b', '/a/:x', '/a/b/c', '/a/:x/d', '/a/*', '/*']
  const trie = new Trie<string>()
  for (const key of keys) trie.at(parseKey(key).plain, () => key)
  const find = (...path: string[]): readonly string[] => trie.find(path)

  it('finds fixed texts before parameters, and these before the rest', () => {
    assert.deepEqual(find('a', 'b'), ['/a/b', '/a/:x', '/a/*', '/*'])
    assert.deepEqual(find('a', 'c'), ['/a/:x', '/a/*', '/*'])
  })

  it('tries parameters where a fixed text leads nowhere', () => {
    assert.deepEqual(find('a', 'b', 'd'), ['/a/:x/d', '/a/*', '/*'])
  })

  it('lets the rest match nothing, after a pattern that ends there', () => {
    assert.deepEqual(find('a'), ['/a', '/a/*', '/*'])
    assert.deepEqual(find(), ['/', '/*'])
  })

  it('finds what is stored under a pattern again', () => {
    const same = trie.at(parseKey('/A/:other').plain, () => 'new')
    assert.equal(same, '/a/:x')
  })

  it('finds nothing under the names of object members', () => {
    assert.deepEqual(new Trie<string>().find(['__proto__', 'constructor']), [])
  })
})
