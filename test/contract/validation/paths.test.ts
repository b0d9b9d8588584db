import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import express from 'express'
import express4 from 'express4'
import { plainPaths, problemDetails, routes } from 'good-gateway/express'
import * as koaApi from 'good-gateway/koa'
import Koa from 'koa'
import mount from 'koa-mount'
import polka from 'polka'
import { hosts, type Setup } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const send = (gateway: Listening, line: string, ...fields: string[]): Promise<Received> => {
  const [method = '', target = ''] = line.split(' ')
  return sendRaw(gateway.port, getLine(target, ...fields).replace('GET', method))
}

const refused = (received: Received): void => {
  assert.equal(received.status, 400, received.text)
  assert.equal(problemIn(received).code, 'request_malformed')
}

/** Lets only requests through that have the header field x-ok. */
const checked = { headers: { type: 'object', required: ['x-ok'] } } as const

for (const host of hosts) {
  describe(`${host.name}, paths`, () => {
    let gateway: Listening
    let reached: (string | undefined)[] = []
    afterEach(() => gateway.close())

    const start = async (use: Setup['use']): Promise<void> => {
      reached = []
      gateway = await host.start({
        use,
        handler: (req, res) => {
          reached.push(req.url)
          res.end('up')
        },
      })
    }

    it('refuses absolute targets whose host is in doubt', async () => {
      await start(({ problemDetails: problems, validate, routes: table }) => [
        problems(),
        table({ 'POST /orders': [validate(checked)] }),
      ])
      const targets = ['javascript://orders', 'http://h%6frders', 'http://h;/orders', 'http://h{/x']
      // Some of them Node refuses by itself.
      for (const target of [...targets, 'http://u@h/orders', 'http://h:/orders', 'ws://h/orders'])
        assert.equal((await send(gateway, `POST ${target}`)).status, 400, target)
      refused(await send(gateway, 'POST javascript://orders'))
      assert.equal((await send(gateway, 'POST http://h:80/orders')).status, 400)
      assert.deepEqual(reached, [])
      assert.equal((await send(gateway, 'POST http://h:80/orders', 'X-Ok: 1')).status, 200)
    })

    describe('with a method override', () => {
      const table: Setup['use'] = ({ problemDetails: problems, validate, routes: of }) => [
        problems(),
        of({ 'DELETE /orders/:id': [validate(checked)] }),
      ]
      for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'x_method_override'])
        it(`refuses a POST with ${name}`, async () => {
          await start(table)
          refused(await send(gateway, 'POST /orders/1', `${name}: delete`))
          refused(await send(gateway, 'POST /Orders;v=1/1', `${name}: PUT`))
          refused(await send(gateway, 'POST /orders/1', `${name}: POST`, `${name}: DELETE`))
          assert.deepEqual(reached, [])
        })

      it('passes one that asks for POST, is on no path of the table, or is no POST', async () => {
        await start(table)
        const field = 'X-HTTP-Method-Override'
        assert.equal((await send(gateway, 'POST /orders/1', `${field}: post`)).status, 200)
        assert.equal((await send(gateway, 'POST /other', `${field}: DELETE`)).status, 200)
        assert.equal((await send(gateway, 'GET /orders/1', `${field}: DELETE`)).status, 200)
      })

      it('passes it where the option says so', async () => {
        await start(({ problemDetails: problems, validate, routes: of }) => [
          problems(),
          of({ 'DELETE /orders/:id': [validate(checked)] }, { methodOverride: 'pass' }),
        ])
        const received = await send(gateway, 'POST /orders/1', 'X-HTTP-Method: DELETE')
        assert.equal(received.status, 200)
      })
    })

    describe('with encoded slashes in segments', () => {
      const project = {
        params: { type: 'object', properties: { id: { const: 'group/project' } } },
      } as const
      const start2 = (): Promise<void> =>
        start(({ problemDetails: problems, validate, routes: of }) => [
          problems(),
          of(
            {
              'GET /projects/:id': [validate(project)],
              'GET /projects/:id/issues': [validate(checked)],
            },
            { encodedSlashes: 'segment' },
          ),
        ])

      it('matches the segment, and gives the decoded slash to the parameter', async () => {
        await start2()
        assert.equal((await send(gateway, 'GET /projects/group%2Fproject')).status, 200)
        const other = await send(gateway, 'GET /projects/group%2fother')
        assert.deepEqual(problemIn(other).errors?.[0]?.in, 'params')
      })

      it('refuses what leads to another route once decoded, and what is never plain', async () => {
        await start2()
        const targets = ['/projects/7%2Fissues', '/projects%2F7', '/projects%2F7/issues']
        const never = ['/x%5Cy', '/x%252Fy', '/x%2F..%2Fprojects', '/projects/a%2F%2e%2e']
        for (const target of [...targets, ...never]) refused(await send(gateway, `GET ${target}`))
        assert.deepEqual(reached, [])
      })
    })

    it('lets a preflight pass where the table has no OPTIONS of its own', async () => {
      await start(({ problemDetails: problems, validate, routes: of }) => [
        problems(),
        of(
          {
            '/orders': [validate(checked)],
            'OPTIONS /own': [validate(checked)],
          },
          { otherwise: 'refuse' },
        ),
      ])
      const ask = 'Access-Control-Request-Method: POST'
      assert.equal((await send(gateway, 'OPTIONS /orders', ask)).status, 200)
      assert.equal((await send(gateway, 'OPTIONS /orders')).status, 400)
      assert.equal((await send(gateway, 'OPTIONS /own', ask)).status, 400)
      assert.equal((await send(gateway, 'OPTIONS /nowhere', ask)).status, 404)
      const body = await sendRaw(
        gateway.port,
        getLine('/orders', ask, 'Transfer-Encoding: chunked').replace('GET', 'OPTIONS'),
        '1\r\na\r\n0\r\n\r\n',
      )
      assert.equal(body.status, 400)
    })

    describe('plainPaths', () => {
      const odd = ['//orders', '/x/../orders', '/%6frders', '/orders%2F1', '/x%5Cy', '/orders;v=1']
        .concat([
          '/orders.',
          '/orders%20',
          '/%256Frders',
          '/orders%3Fx',
          '/a%23b',
          '/%zz',
          '/%2e/a',
        ])
        .concat([
          '/ord%65rs?x',
          'http://h%6frders',
          'http://u@h/orders',
          '/orders%00',
          '/%C5%BForders',
        ])
      for (const target of odd)
        it(`refuses ${target}`, async () => {
          await start(({ problemDetails: problems, plainPaths: plain }) => [problems(), plain()])
          refused(await send(gateway, `GET ${target}`))
          assert.deepEqual(reached, [])
        })

      const plain = ['/', '/orders', '/Orders/', '/a%40b.c', '/k%C3%A4se', '/a%20b', '/100%25?x=//']
      for (const target of [...plain, '/a:b,c@d', 'http://host/orders', '/stra%C3%9Fe'])
        it(`passes ${target}`, async () => {
          await start(({ problemDetails: problems, plainPaths: check }) => [problems(), check()])
          assert.equal((await send(gateway, `GET ${target}`)).status, 200)
        })

      it('passes what names no path', async () => {
        await start(({ problemDetails: problems, plainPaths: check }) => [problems(), check()])
        assert.equal((await send(gateway, 'OPTIONS *')).status, 200)
      })
    })
  })
}

const document = {
  openapi: '3.1.0',
  servers: [{ url: 'https://shop.example/api' }],
  paths: {
    '/orders': {
      post: {
        parameters: [{ in: 'header', name: 'X-Ok', required: true, schema: { type: 'string' } }],
      },
    },
  },
}
/** The same paths, but for somebody who forgot where they are mounted. */
const forgetful = { ...document, servers: [{ url: '/' }] }

/** Starts a gateway whose guard is mounted below /api, and whose proxy is at the root. */
type Mounted = (given: object) => RequestListener

const expressLike =
  (create: () => { use(...args: unknown[]): unknown }): Mounted =>
  (given) => {
    const app = create()
    app.use(problemDetails())
    app.use('/api', routes.fromOpenAPI(given))
    app.use((_: IncomingMessage, res: { end(text: string): void }) => res.end('up'))
    return app as unknown as RequestListener
  }

const koaLike: Mounted = (given) => {
  const app = new Koa()
  app.use(koaApi.problemDetails()).use(mount('/api', koaApi.routes.fromOpenAPI(given)))
  app.use((ctx) => void (ctx.body = 'up'))
  return app.callback()
}

const mounted: readonly [string, Mounted][] = [
  ['Express 5', expressLike(() => express() as never)],
  ['Express 4', expressLike(() => express4() as never)],
  ['Koa 3', koaLike],
  [
    'polka',
    (given) => {
      const app = polka()
      app.use(problemDetails() as never)
      app.use('/api', routes.fromOpenAPI(given) as never)
      app.use('/api', ((_: IncomingMessage, res: { end(text: string): void }) =>
        res.end('up')) as never)
      return app.handler as unknown as RequestListener
    },
  ],
]

for (const [name, start] of mounted)
  describe(`${name}, below a mount path`, () => {
    let gateway: Listening
    afterEach(() => gateway.close())
    const serve = async (given: object): Promise<void> => {
      gateway = await listen(createServer(start(given)))
    }

    it('matches the mount path and the rest together', async () => {
      await serve(document)
      for (const path of ['/api/orders', '/api/Orders/', '/api/orders?x=1', '/api/%6frders']) {
        assert.equal((await send(gateway, `POST ${path}`)).status, 400, path)
        assert.equal((await send(gateway, `POST ${path}`, 'X-Ok: 1')).status, 200, path)
      }
      assert.equal((await send(gateway, 'POST /api/other')).status, 200)
    })

    it('checks all of the path', async () => {
      await serve(document)
      for (const path of ['/api//orders', '/api/x/../orders', '/api/a%2fb'])
        refused(await send(gateway, `POST ${path}`))
    })

    it('tells once that nothing can match', async () => {
      const told: string[] = []
      const listen_ = (warning: Error): void => void told.push(warning.message)
      process.on('warning', listen_)
      await serve(forgetful)
      await send(gateway, 'POST /api/orders')
      await send(gateway, 'POST /api/orders')
      await new Promise((resolve) => setImmediate(resolve))
      process.off('warning', listen_)
      assert.equal(told.length, 1, told.join())
      assert.match(told.join(), /routes\.fromOpenAPI is mounted below \/api/)
    })
  })

describe('Koa 3, below several mount paths', () => {
  it('matches all of them and the rest together', async () => {
    const guard = koaApi.routes.fromOpenAPI({ ...document, servers: [{ url: '/shop/api' }] })
    const app = new Koa()
    app.use(koaApi.problemDetails()).use(mount('/shop', mount('/api', guard)))
    app.use((ctx) => void (ctx.body = 'up'))
    const gateway = await listen(createServer(app.callback()))
    const [bad, good] = [
      await send(gateway, 'POST /shop/api/orders'),
      await send(gateway, 'POST /shop/api/orders', 'X-Ok: 1'),
    ]
    await gateway.close()
    assert.deepEqual([bad.status, good.status], [400, 200])
  })
})

describe('Koa 3, after a mount path', () => {
  it('matches the path as it is, although koa-mount has left its own behind', async () => {
    const app = new Koa()
    app.use(koaApi.problemDetails())
    app.use(mount('/api', (_ctx: object, next: () => Promise<unknown>) => next()))
    app.use(koaApi.routes.fromOpenAPI(document))
    const gateway = await listen(createServer(app.callback()))
    const received = await send(gateway, 'POST /api/orders')
    await gateway.close()
    assert.equal(received.status, 400)
  })
})

describe('Express 5, a table below a mount path', () => {
  it('stays relative, and tells once of keys that repeat the mount path', async () => {
    const told: string[] = []
    const listen_ = (warning: Error): void => void told.push(warning.message)
    process.on('warning', listen_)
    const app = express()
    const stop = (_: IncomingMessage, res: { end(text: string): void }): void => res.end('stopped')
    app.use('/api', plainPaths(), routes({ '/orders': stop as never }))
    app.use('/v1', routes({ '/v1/orders': stop as never }))
    app.use((_req, res) => void res.end('up'))
    const gateway = await listen(createServer(app))
    assert.equal((await send(gateway, 'GET /api/orders')).body, 'stopped')
    assert.equal((await send(gateway, 'GET /v1/orders')).body, 'up')
    await gateway.close()
    process.off('warning', listen_)
    assert.equal(told.length, 1, told.join())
    assert.match(told.join(), /remove \/v1 from the keys/)
  })
})
