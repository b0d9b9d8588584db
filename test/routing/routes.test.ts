import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { GatewayError } from '../../src/errors/gateway-error.js'
import { exchangeOf } from '../../src/exchange/exchange.js'
import { callStep, type Step } from '../../src/exchange/step.js'
import { routesStep, type RoutesOptions } from '../../src/routing/routes.js'

interface Answer {
  readonly status: number
  readonly allow: string | undefined
  /** What ran: names of steps, the parameters, and whether the next middleware was reached. */
  readonly log: readonly unknown[]
}

/** Servers and agents of a test, for the hook that stops them. */
const started: { server: Server; agent: Agent }[] = []

type Log = unknown[]
const logs = new WeakMap<object, Log>()
const logOf = (req: object): Log => {
  const log = logs.get(req) ?? []
  logs.set(req, log)
  return log
}

const guard =
  (name: string): Step =>
  async ({ req, params }, next) => {
    logOf(req).push(name, { ...params })
    await next()
  }

const stop: Step = async ({ req }) => void logOf(req).push('stop')

const twice: Step = async (_, next) => {
  await next()
  await next()
}

const tableOf = (...keys: string[]): Record<string, Step[]> =>
  Object.fromEntries(keys.map((key) => [key, [guard(key)]]))

async function serve(table: Record<string, Step[]>, options?: RoutesOptions) {
  const step = routesStep(table, options, itself)
  const server = createServer((req, res) => {
    const log = logOf(req)
    const answer = (status: number, headers = {}): void => {
      res.writeHead(status, headers).end(JSON.stringify(log))
    }
    callStep(step, exchangeOf({ req, res }), async () => void log.push('next')).then(
      () => answer(200),
      (error: unknown) => {
        log.push(error instanceof Error ? error.message : error)
        if (GatewayError.is(error)) answer(error.status, error.headers)
        else answer(500)
      },
    )
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  started.push({ server, agent })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    /** Sends the target as it is: Node's client does not normalise it. */
    async ask(target: string, method = 'GET'): Promise<Answer> {
      const req = request({ port, path: target, method, agent }).end()
      const [res] = await once(req, 'response')
      const body = await text(res)
      const log = body === '' ? [] : JSON.parse(body)
      return { status: res.statusCode, allow: res.headers.allow, log }
    },
    async raw(requestLine: string): Promise<string> {
      const socket = connect(port, '127.0.0.1')
      socket.write(`${requestLine} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`)
      return text(socket)
    },
  }
}

const itself = (step: Step): Step => step

describe('routes', () => {
  afterEach(async () => {
    for (const { server, agent } of started.splice(0)) {
      agent.destroy()
      server.closeAllConnections()
      await once(server.close(), 'close')
    }
  })

  describe('at mount', () => {
    const wrong: Record<string, readonly [unknown, RegExp, unknown?]> = {
      'a bad key': [{ 'GET orders': [guard('')] }, /routes: "GET orders": the path must start/],
      'an empty list': [{ '/orders': [] }, /routes: "\/orders": needs a middleware/],
      'what is no middleware': [{ '/orders': ['x'] }, /routes: "\/orders": needs a middleware/],
      'what is no function': [{ '/orders': [undefined] }, /routes: "\/orders": needs a middleware/],
      'nothing for a key': [{ '/orders': undefined }, /routes: "\/orders": needs a middleware/],
      'a list for a table': [[], /routes: the table must be an object/],
      'what is no table': [null, /routes: the table must be an object/],
      'two names for one parameter': [
        tableOf('GET /a/:x', 'get /a/:y'),
        /routes: "get \/a\/:y": cannot be distinguished from "GET \/a\/:x"/,
      ],
      'two spellings of one path': [
        tableOf('/a', '/A/'),
        /"\/A\/": cannot be distinguished from "\/a"/,
      ],
      'paths that lenient upstreams take for one': [
        tableOf('/a', '/a.'),
        /cannot be distinguished from/,
      ],
      'an unknown value of otherwise': [{}, /"otherwise" must be "pass"/, { otherwise: 'deny' }],
      'an unknown option': [{}, /unknown option "other"; the options are otherwise/, { other: 1 }],
    }
    for (const [what, [table, message, options]] of Object.entries(wrong)) {
      it(`refuses ${what}`, () => {
        assert.throws(
          () => Reflect.apply(routesStep, undefined, [table, options, itself]),
          (error) => error instanceof TypeError && message.test(error.message),
        )
      })
    }

    it('is named after its export, for stack traces', () => {
      assert.equal(routesStep({}, {}, itself).name, 'routes')
    })
  })

  describe('on a match', () => {
    it('runs the steps in their order, then what is mounted after', async () => {
      const { ask } = await serve({ '/orders': [guard('first'), guard('second')] })
      assert.deepEqual((await ask('/orders')).log, ['first', {}, 'second', {}, 'next'])
    })

    it('stops where a step does not call next', async () => {
      const { ask } = await serve({ '/orders': [stop, guard('second')] })
      assert.deepEqual((await ask('/orders')).log, ['stop'])
    })

    it('refuses a second call of next', async () => {
      const { ask } = await serve({ '/orders': [twice] })
      const { status, log } = await ask('/orders')
      assert.equal(status, 500)
      assert.deepEqual(log, ['next', 'next() called multiple times'])
    })

    it('gives the parameters decoded, without a prototype', async () => {
      const seen: unknown[] = []
      const step: Step = async ({ params }) => void seen.push(Object.getPrototypeOf(params), params)
      const { ask } = await serve({ '/Files/:__proto__/:name/*': [step] })
      await ask('/fileS/A%20b/k%C3%A4se%25/x/Y%3B/?x=1')
      const [prototype, params] = seen
      assert.equal(prototype, null)
      assert.deepEqual(Object.entries(params as object), [
        ['__proto__', 'A b'],
        ['name', 'käse%'],
        ['*', 'x/Y;'],
      ])
    })

    it('matches in any case, with or without a final slash, whatever the query', async () => {
      const { ask } = await serve(tableOf('GET /Orders/New'))
      for (const target of [
        '/orders/new',
        '/ORDERS/nEw/',
        '/orders/new?a=//..',
        '/orders/%6eew/',
      ]) {
        assert.equal((await ask(target)).log[0], 'GET /Orders/New', target)
      }
    })

    it('lets HEAD follow GET unless it has its own route', async () => {
      const seen: string[] = []
      const note = (name: string): Step[] => [async () => void seen.push(name)]
      const { ask } = await serve({
        'GET /a': note('get a'),
        '/a': note('any a'),
        'GET /b': note('get b'),
        'HEAD /b': note('head b'),
      })
      await ask('/a', 'HEAD')
      await ask('/b', 'HEAD')
      assert.deepEqual(seen, ['get a', 'head b'])
    })

    it('chooses the most specific route that has the method', async () => {
      const table = tableOf('GET /orders/new', 'POST /orders/:id', '/orders/*', '/*')
      const { ask } = await serve(table)
      assert.equal((await ask('/orders/new')).log[0], 'GET /orders/new')
      assert.equal((await ask('/orders/new', 'POST')).log[0], 'POST /orders/:id')
      assert.equal((await ask('/orders/new', 'PUT')).log[0], '/orders/*')
      assert.equal((await ask('/orders')).log[0], '/orders/*')
      assert.equal((await ask('/')).log[0], '/*')
    })
  })

  describe('without a match', () => {
    const table = tableOf('GET /orders', 'POST /orders', 'DELETE /orders/:id')

    it('passes by default', async () => {
      const { ask } = await serve(table)
      for (const [target, method] of [['/other'], ['/orders', 'PUT'], ['/']] as const) {
        const { status, log } = await ask(target, method)
        assert.deepEqual([status, log], [200, ['next']], target)
      }
    })

    it('answers 404, or 405 with Allow, with otherwise: refuse', async () => {
      const { ask } = await serve(table, { otherwise: 'refuse' })
      assert.equal((await ask('/other')).status, 404)
      assert.equal((await ask('/')).status, 404)
      const { status, allow, log } = await ask('/ORDERS/', 'OPTIONS')
      assert.deepEqual([status, allow, log.length], [405, 'GET, HEAD, POST', 1])
      assert.equal((await ask('/orders/1')).allow, 'DELETE')
    })

    it('lets OPTIONS * pass, which has no path', async () => {
      const open = await serve(tableOf('/*'))
      assert.match(await open.raw('OPTIONS *'), /^HTTP\/1\.1 200 .*\["next"\]/s)
      assert.match(await open.raw('GET *'), /^HTTP\/1\.1 400 /)
      const closed = await serve(tableOf('/*'), { otherwise: 'refuse' })
      assert.match(await closed.raw('OPTIONS *'), /^HTTP\/1\.1 404 /)
    })

    it('lets a CONNECT pass, which has no path', async () => {
      const reached: string[] = []
      const server = createServer()
      started.push({ server, agent: new Agent() })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address() as AddressInfo
      const socket = connect(port, '127.0.0.1')
      socket.write('CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n')
      const [req, tunnel] = await once(server, 'connect')
      const exchange = exchangeOf({ req, res: tunnel })
      await routesStep(tableOf('/*'), {}, itself)(exchange, async () => void reached.push('next'))
      assert.deepEqual(reached, ['next'])
      tunnel.destroy()
      socket.destroy()
    })
  })

  describe('on odd targets', () => {
    it('checks an absolute target by its path', async () => {
      const { raw } = await serve(tableOf('GET /orders'))
      assert.match(await raw('GET http://elsewhere/orders?x'), /200 OK.*"GET \/orders"/s)
      assert.match(await raw('GET HTTP://[::1]:80/Orders/'), /200 OK.*"GET \/orders"/s)
      assert.match(await raw('GET http://elsewhere/x/../orders'), /^HTTP\/1\.1 400 /)
      assert.match(await raw('GET http:///orders'), /^HTTP\/1\.1 400 /)
      assert.match(await raw('GET javascript://orders'), /^HTTP\/1\.1 400 /)
    })

    it('refuses ambiguous paths also with otherwise: pass, and where no route matches', async () => {
      const { raw } = await serve(tableOf('GET /orders'))
      for (const target of ['//', '/x//y', '/x/../y', '/x%2fy', '/x\\y', '/x#y', '/%zz', '/%ff']) {
        const answer = await raw(`GET ${target}`)
        assert.match(answer, /^HTTP\/1\.1 400 /, target)
        assert.doesNotMatch(answer, /next/, target)
      }
    })

    it('refuses a path that another reader would read as another route, in both directions', async () => {
      const { ask } = await serve(tableOf('/*', '/orders', '/orders/:id', '/orders/new'))
      const odd = [
        '/orders;x',
        '/ord%2565rs',
        '/orders.',
        '/orders%3Fx',
        '/orders/new;x',
        '/orders/%23',
      ]
      for (const target of odd) assert.equal((await ask(target)).status, 400, target)
    })

    it('refuses a path that is a route only when it is ended at an encoded question mark', async () => {
      const { ask } = await serve(tableOf('/tags/:tag/posts'))
      assert.equal((await ask('/tags/c%23/posts%3Fx')).status, 400)
      assert.equal((await ask('/tags/c%3F/posts%23x')).status, 400)
    })

    it('does not refuse harmless paths', async () => {
      const { ask } = await serve(tableOf('/', 'GET /orders', 'GET /tags/:tag/posts', '/files/*'))
      const routed = [
        '/tags/c%23/posts',
        '/tags/what%3F/posts',
        '/tags/a;b=1/posts',
        '/tags/a./posts',
      ]
        .concat([
          '/tags/100%25/posts',
          '/tags/50%25ab/posts',
          '/tags/a%2520b/posts',
          '/tags/%23/posts',
        ])
        .concat([
          '/tags/%C3%9F/posts',
          '/files/a.tar.gz',
          '/files/.well-known/x',
          '/files/a%20b',
          '/',
        ])
      for (const target of routed) {
        const { status, log } = await ask(target)
        assert.deepEqual([status, log.length], [200, 3], target)
      }
      for (const target of [
        '/tag;x=1',
        '/x%23top/y',
        '/a%25b',
        '/%E6%97%A5',
        '/a:b@c+d,e',
        '/x?//..',
      ]) {
        assert.deepEqual((await ask(target)).log, ['next'], target)
      }
    })
  })

  describe('whatever the spelling', () => {
    it('never lets a request for a checked path pass unchecked', async function () {
      this.timeout(60_000)
      const guarded = ['/orders', '/orders/7', '/orders/7/items', '/admin/x/y', '/k%C3%A4se']
      const keys = ['/orders', '/orders/:id', '/orders/:id/items', '/admin/*', '/käse']
      const { ask } = await serve(tableOf(...keys))
      const outcomes = { guarded: 0, refused: 0, passed: 0 }
      for (const spelling of guarded.flatMap(spellingsOf)) {
        const { status, log } = await ask(spelling)
        const outcome = status === 400 ? 'refused' : log[0] === 'next' ? 'passed' : 'guarded'
        outcomes[outcome]++
        if (outcome !== 'passed') continue
        const reader = Object.entries(readers).find(([, read]) =>
          isGuarded(attempt(read, spelling)),
        )
        assert.equal(reader?.[0], undefined, `${spelling} slipped by`)
      }
      // Each outcome must occur, or the test has proved nothing.
      assert.ok(outcomes.guarded > 50 && outcomes.refused > 500 && outcomes.passed > 50)
    })
  })
})

const isGuarded = (path: string): boolean =>
  /^\/(orders(\/[^/]+(\/items)?)?|admin(\/.*)?|käse)\/?$/i.test(path)

const every = (path: string, code: (hex: string) => string): string =>
  path.replace(/%[\da-f]{2}|[^/%]/gi, (char) =>
    char.length > 1 ? code(char.slice(1)) : code(char.charCodeAt(0).toString(16)),
  )

/** Ways to spell a path, one at a time. */
const spell: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => every(path, (hex) => `%${hex}`),
  (path) => every(path, (hex) => `%25${hex}`),
  (path) => every(path, (hex) => `%2525${hex}`),
  (path) => path.replace(/^\/(\w)/, (_, char: string) => `/%25%3${char.charCodeAt(0) >> 4}${char}`),
  (path) => path.replace(/[a-z](?=[^/]*$)/, (char) => `%25${char.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/[a-z]/, (char) => char.toUpperCase()),
  (path) => path.toUpperCase(),
  (path) => path.replace(/s/, '%C5%BF'),
  (path) => path.replace(/s/, '%25C5%25BF'),
  (path) => path.replace('k', '%E2%84%AA'),
  (path) => `${path}/`,
  (path) => `${path}//`,
  (path) => `/${path}`,
  (path) => path.replaceAll('/', '//'),
  (path) => path.replace(/\/(?=[^/]*$)/, '%2F'),
  (path) => path.replace(/\/(?=[^/]*$)/, '%252f'),
  (path) => path.replace(/\/(?=[^/]*$)/, '\\'),
  (path) => path.replace(/\/(?=[^/]*$)/, '%5c'),
  (path) => `/.${path}`,
  (path) => `/x/..${path}`,
  (path) => `/x/%2e%2E${path}`,
  (path) => `/x/%252e%252e${path}`,
  (path) => `/x/..;${path}`,
  (path) => `/x/..;a=b${path}`,
  (path) => `/;a=b${path}`,
  (path) => `/%20${path}`,
  (path) => `/x%2F..${path}`,
  (path) => `/x\\..${path}`,
  (path) => `${path}/.`,
  (path) => `${path}/x/..`,
  (path) => `${path};a=1`,
  (path) => `${path};a=1/`,
  (path) => `${path}%3Ba`,
  (path) => path.replace(/(\w)(\/|$)/, '$1;a$2'),
  (path) => `${path}.`,
  (path) => `${path}%2e`,
  (path) => `${path}%20`,
  (path) => `${path}%2520`,
  (path) => `${path}%00`,
  (path) => `${path}%2500`,
  (path) => `${path}%0a`,
  (path) => `${path}?x=1`,
  (path) => `${path}%3Fx`,
  (path) => `${path}%253Fx`,
  (path) => `${path}#x`,
  (path) => `${path}%23x/y`,
  (path) => `${path}%2523x`,
  (path) => `${path}%EF%BB%BF`,
  (path) => `http://other.test${path}`,
  (path) => `HTTP://u:p@other.test:80${path}`,
  (path) => `http://${path}`,
  (path) => `${path}x`,
  (path) => `/x${path}`,
]

/** All ways, and all pairs of ways. */
const spellingsOf = (path: string): readonly string[] =>
  [...new Set(spell.flatMap((one) => spell.map((other) => other(one(path)))))].filter((target) =>
    /^(\/|https?:\/\/)/i.test(target),
  )

const attempt = (read: (target: string) => string, target: string): string => {
  try {
    return read(target)
  } catch {
    // A reader that cannot read it serves nothing.
    return ''
  }
}

const origin = (target: string): string => target.replace(/^https?:\/\/[^/?#]+/i, '')
const noQuery = (target: string): string => target.replace(/[?#].*/s, '')
const collapse = (path: string): string => path.replace(/\/{2,}/g, '/')
const resolve = (path: string): string => new URL(`http://h${path}`).pathname
const noParameters = (path: string): string => path.replace(/;[^/]*/g, '')
const trimmed = (path: string): string => path.replace(/[. ]+(?=\/|$)/g, '')
const dots = (path: string): string => {
  const out: string[] = []
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') out.pop()
    else if (segment !== '.') out.push(segment)
  }
  return `/${out.join('/')}`
}
const decoded = decodeURIComponent

/** What others make of a request target. */
const readers: Readonly<Record<string, (target: string) => string>> = {
  'Express or Koa router': (target) => decoded(noQuery(origin(target))),
  'new URL': (target) => decoded(new URL(target, 'http://h').pathname),
  'decoding twice': (target) => decoded(decoded(noQuery(origin(target)))),
  'new URL, then decoding twice': (target) =>
    decoded(decoded(new URL(target, 'http://h').pathname)),
  nginx: (target) => dots(collapse(decoded(noQuery(origin(target))))),
  'nginx, then a decoding upstream': (target) =>
    decoded(dots(collapse(decoded(noQuery(origin(target)))))),
  'a servlet container': (target) => dots(collapse(decoded(noParameters(noQuery(origin(target)))))),
  'parameters dropped after decoding': (target) =>
    dots(collapse(noParameters(decoded(noQuery(origin(target)))))),
  Windows: (target) => trimmed(dots(decoded(noQuery(origin(target))).replaceAll('\\', '/'))),
  'a URL built from the decoded path': (target) =>
    decoded(resolve(decoded(noQuery(origin(target))).trim())),
  'a URL built from the path decoded twice': (target) =>
    decoded(resolve(decoded(decoded(noQuery(origin(target)))).trim())),
  'all at once': (target) =>
    trimmed(dots(collapse(noParameters(decoded(decoded(noQuery(origin(target)))))))),
}
