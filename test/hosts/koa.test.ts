import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import KoaRouter from '@koa/router'
import { circuitBreaker, problemDetails, routes, validate } from 'good-gateway/koa'
import Koa from 'koa'
import type { ExtraFault, FaultName } from '../../docs/sample-proxy/fault-table.js'
import { type Faults, startFaults } from '../../docs/sample-proxy/faults.js'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { problemIn } from '../support/problem.js'
import { dechunk, getLine, type Received, sendRaw } from '../support/raw-client.js'
import { listen } from '../support/servers.js'

/** Sends one request to an application; tells what came back and what Koa was told. */
async function ask(app: Koa, request: string): Promise<{ received: Received; told: unknown[] }> {
  const told: unknown[] = []
  app.on('error', (error: unknown) => told.push(error))
  const gateway = await listen(createServer(app.callback()))
  try {
    return { received: await sendRaw(gateway.port, request), told }
  } finally {
    await gateway.close()
  }
}

describe('Koa', () => {
  let faults: Faults

  before(async () => {
    faults = await startFaults()
  })

  after(() => faults.close())

  describe('tells its error listener', () => {
    it('nothing of an outage of the upstream', async () => {
      const forward = createForward()
      const app = new Koa().use(problemDetails()).use((ctx) => {
        ctx.respond = false
        forward(ctx.req, ctx.res, faults.target('refused'))
      })
      const { received, told } = await ask(app, getLine('/'))
      assert.equal(problemIn(received).code, 'upstream_refused')
      assert.deepEqual(told, [])
    })

    it('a defect of the application, after it was answered', async () => {
      const defect = new TypeError('x is not a function')
      const app = new Koa().use(problemDetails()).use(() => {
        throw defect
      })
      const { received, told } = await ask(app, getLine('/'))
      assert.equal(problemIn(received).code, 'gateway_error')
      assert.deepEqual(told, [defect])
    })
  })

  it('names the middleware functions', () => {
    const names = [
      problemDetails(),
      validate({ body: {} }),
      circuitBreaker({ name: 'named' }),
      routes({ 'GET /': validate({ query: {} }) }),
    ].map(({ name }) => name)
    assert.deepEqual(names, ['problemDetails', 'validate', 'circuitBreaker', 'routes'])
  })

  it('mounts the middlewares in a router, whose parameters are checked', async () => {
    const router = new KoaRouter()
    const id = validate<{ params: { id: number } }>({
      params: { type: 'object', properties: { id: { type: 'integer' } } },
    })
    router.get('/orders/:id', id, circuitBreaker({ name: 'router' }), (ctx) => {
      ctx.body = { id: id.valid(ctx).params.id }
    })
    const app: Koa = new Koa().use(problemDetails())
    app.use(router.routes())
    const good = await ask(app, getLine('/orders/7'))
    assert.deepEqual(JSON.parse(good.received.body), { id: 7 })
    const bad = await ask(app, getLine('/orders/x'))
    const { errors } = problemIn(bad.received)
    assert.deepEqual(
      [errors?.[0]?.in, errors?.[0]?.name, errors?.[0]?.code],
      ['params', 'id', 'type'],
    )
  })

  it('runs its own middlewares in the table of routes, with the parameters on the context', async () => {
    const app = new Koa().use(problemDetails()).use(
      routes({
        'GET /greet/:name': (ctx: Koa.Context) => {
          ctx.body = `Hello ${(ctx['params'] as { name: string }).name}`
        },
      }),
    )
    const { received } = await ask(app, getLine('/greet/Ada'))
    assert.equal(received.body, 'Hello Ada')
  })

  describe('with a stream as its body', () => {
    const bodies: Record<string, (url: string) => Promise<Readable>> = {
      'of http.get': (url) =>
        new Promise<IncomingMessage>((resolve, reject) => {
          get(url, resolve).once('error', reject)
        }),
      'of fetch': async (url) => Readable.fromWeb((await fetch(url)).body as ReadableStream),
    }
    const gateway = (open: (url: string) => Promise<Readable>, fault: FaultName | ExtraFault) =>
      new Koa().use(problemDetails()).use(async (ctx) => {
        ctx.type = 'json'
        ctx.body = await open(faults.target(fault))
      })

    for (const [name, open] of Object.entries(bodies)) {
      it(`${name} that breaks off is cut`, async () => {
        const { received } = await ask(gateway(open, 'truncated-chunked'), getLine('/'))
        assert.equal(received.status, 200)
        assert.equal(dechunk(received.body).whole, false)
      })

      it(`${name} that breaks off before its first byte is a 502`, async () => {
        const { received } = await ask(gateway(open, 'head-then-fin'), getLine('/'))
        assert.equal(problemIn(received).code, 'upstream_response_incomplete')
      })
    }
  })
})
