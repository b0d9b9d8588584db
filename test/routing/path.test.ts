import assert from 'node:assert/strict'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { readTarget } from '../../src/routing/path.js'

const refused = (detail: RegExp) => (error: unknown) =>
  GatewayError.is(error) && error.code === 'request_malformed' && detail.test(error.message)

/** Milliseconds of processor time, which other processes do not lengthen. */
const timeToRead = (path: string): number => {
  const start = process.cpuUsage()
  readTarget(path)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

const cuts = (target: string): unknown => readTarget(target).others?.slice(1) ?? []

describe('readTarget', () => {
  const plain: Record<string, readonly string[]> = {
    '/': [],
    '': [],
    '?x=1': [],
    '/orders': ['orders'],
    '/Orders/': ['Orders'],
    '/orders?path=//../%2F\\%zz': ['orders'],
    '/a%20b': ['a b'],
    '/k%C3%A4se/%E6%97%A5%E6%9C%AC': ['käse', '日本'],
    '/100%25': ['100%'],
    '/50%25ab': ['50%ab'],
    '/%2565': ['%65'],
    '/.well-known/a.b..c': ['.well-known', 'a.b..c'],
    '/a;x=1/b': ['a;x=1', 'b'],
    '/c%23/what%3F': ['c#', 'what?'],
    '/<>"{}|^`[]@:+,': ['<>"{}|^`[]@:+,'],
    'http://host/orders?x': ['orders'],
    'HTTPS://my_host.example:80/Orders/1': ['Orders', '1'],
    'http://[::1]:8080/orders': ['orders'],
    'http://127.0.0.1/': [],
    'http://host': [],
    'http://host?x': [],
  }
  for (const [target, segments] of Object.entries(plain)) {
    it(`reads ${JSON.stringify(target)} as ${JSON.stringify(segments)}`, () => {
      assert.deepEqual(readTarget(target).plain, segments)
    })
  }

  const refusals: Record<string, readonly [RegExp, readonly string[]]> = {
    'an empty segment': [
      /empty segment/,
      ['//', '//a', '/a//', '/a//b', '/a/%20/b', '/;x/a', '/a/;x', 'http://h//a'],
    ],
    'a dot segment': [
      /dot segment/,
      ['/.', '/a/..', '/a/../b', '/%2e/b', '/%2E%2e/b', '/.%2e/b', '/%252e%252e/b', '/..;/b']
        .concat(['/..;x=1/b', '/..%3Bx/b', '/..%20/b', '/..%3Fx/b', '/..%23/b', '/%20./b'])
        .concat(['/...', '/.%20.', '/%25252e/b', '/%25%32%65/b', 'http://h/../b']),
    ],
    'an encoded slash or backslash, however often it is encoded': [
      /slash/,
      ['/a%2Fb', '/a%2fb', '/a%5Cb', '/a%5cb', '/a%252Fb', '/a%255cb', '/a%25252Fb', '/a%25%32%66'],
    ],
    'an encoded control character': [
      /control/,
      ['/a%00', '/a%0Ab', '/%09', '/a%7F', '/a%C2%85', '/a%2500', '/a%250d'],
    ],
    'a question mark or hash that is encoded twice': [
      /encoded twice/,
      ['/a%253Fb', '/a%2523', '/a%23%2523', '/a%252523b'],
    ],
    'a broken escape or bytes that are not UTF-8': [
      /escape/,
      ['/%', '/a%', '/a%2', '/%zz', '/%u002f', '/%ff', '/%C3', '/%C0%AF', '/%ED%A0%80'],
    ],
    'a character that must be encoded, a raw backslash and a fragment': [
      /percent-encoded/,
      [
        '/a\\b',
        '\\a',
        '/a#b',
        '/a?b#c',
        '#',
        '/a b',
        '/a\tb',
        '/a\u0000',
        '/käse',
        '/a\u007f',
        'http:\\\\h/a',
      ],
    ],
    'a target that is no path': [
      /must be a path/,
      ['*', 'orders', 'host:443', 'http:/a', 'http:a', 'http://', 'http:///orders', '://h/a']
        // Parsers of URLs end these hosts at different places.
        .concat(['javascript://orders', 'ftp://h/orders', 'http://h%6frders', 'http://h;/orders'])
        .concat([
          'http://h{/orders',
          'http://u@h/orders',
          'http://u:p@h/orders',
          'http://h:/orders',
        ])
        .concat(['http://h:99999/orders', 'http://h:8o/a', 'http://h..x:1:2/a', 'http://[::1/a'])
        .concat([
          'http://[v1.x]/a',
          'http://-h/a',
          'http://h!/a',
          'http://1.2.3.999/a',
          'http://h,x/a',
        ]),
    ],
  }
  for (const [what, [detail, targets]] of Object.entries(refusals)) {
    it(`refuses ${what}`, () => {
      for (const target of targets) {
        assert.throws(() => readTarget(target), refused(detail), target)
      }
    })
  }

  it('keeps an encoded slash in its segment where that is allowed, beside the path that it would make', () => {
    const { plain: segments, others } = readTarget('/p/Group%2Fname%2fx/issues', { slashes: true })
    assert.deepEqual(segments, ['p', 'Group/name/x', 'issues'])
    assert.deepEqual(others?.at(-1), ['p', 'group', 'name', 'x', 'issues'])
    assert.equal(readTarget('/p/a', { slashes: true }).others, undefined)
    assert.deepEqual(readTarget('/https%3A%2F%2Fx', { slashes: true }).others?.at(-1), [
      'https:',
      'x',
    ])
  })

  it('refuses backslashes, dots and what is encoded twice even where an encoded slash may stand', () => {
    const targets = [
      '/a%5Cb',
      '/a%252Fb',
      '/a%2F%252Fb',
      '/a%2F..%2Fb',
      '/..%2Fb',
      '/a%2F%2e',
      '/a%255cb',
    ]
    for (const target of targets)
      assert.throws(() => readTarget(target, { slashes: true }), refused(/./), target)
  })

  it('brings what lenient upstreams read as the same to the same loose segments', () => {
    const spellings = [
      '/Orders',
      '/ord%2565rs',
      '/orders;v=1',
      '/orders.',
      '/orders%20',
      '/%20orders',
    ]
      .concat([
        '/order%C5%BF',
        '/orders%3Bx',
        '/o%25252572ders',
        '/orders%252E',
        '/%EF%BB%BForders',
      ])
      .concat(['/orders.%20.;a;b', '/%256Frders', '/%25%36%46rders'])
    for (const spelling of spellings) {
      const { folded, others } = readTarget(spelling)
      assert.deepEqual(others?.[0] ?? folded, ['orders'], spelling)
    }
  })

  it('ends a reading at the first encoded question mark, and at the first hash', () => {
    assert.deepEqual(cuts('/a/b'), [])
    assert.deepEqual(cuts('/A;x/b%3Fc/d%3F'), [['a', 'b']])
    assert.deepEqual(cuts('/a/%23b'), [['a']])
    assert.deepEqual(cuts('/a/b;x%23/c'), [['a', 'b']])
    assert.deepEqual(cuts('/a%23b/c%3Fd'), [['a#b', 'c'], ['a']])
  })

  it('takes time in proportion to the length of the path', () => {
    const hostile = ['.', '%20', '%25', '/a', ';', '%2525', 'a.', '%2541', '%3F', '%E2%80%A8']
    for (const piece of hostile) {
      // A quadratic reading of a megabyte takes minutes, a linear one well under a second.
      const path = `/x${piece.repeat(Math.ceil(1_000_000 / piece.length))}x`
      assert.ok(timeToRead(path) < 2_000, piece)
    }
  }).timeout(60_000)
})
