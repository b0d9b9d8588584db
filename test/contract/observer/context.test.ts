import assert from 'node:assert/strict'
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import fastify from 'fastify'
import { circuitBreaker, type ConnectMiddleware, problemDetails } from 'good-gateway'
import Koa from 'koa'
import { listen, type Listening, nobody } from '../../support/servers.js'

type Answer = (url: string, res: ServerResponse) => Promise<unknown>

/** Runs a middleware as adapters for promises do: what comes after runs outside of `next`. */
const passed = (middleware: ConnectMiddleware, req: IncomingMessage, res: ServerResponse) =>
  new Promise<void>((resolve, reject) => {
    middleware(req, res, (error) => (error ? reject(error as Error) : resolve()))
  })

/** Hosts that await our middlewares inside of a promise of their own, on guarded paths only. */
const adapters: Record<
  string,
  (guards: readonly ConnectMiddleware[], answer: Answer) => Promise<Listening>
> = {
  'node:http': (guards, answer) =>
    listen(
      createServer(async (req, res) => {
        if (req.url?.startsWith('/guarded'))
          for (const guard of guards) await passed(guard, req, res)
        await answer(req.url ?? '', res)
      }),
    ),
  'the hooks of Fastify': async (guards, answer) => {
    const app = fastify()
    app.addHook('onRequest', async (request, reply) => {
      if (!request.url.startsWith('/guarded')) return
      for (const guard of guards) await passed(guard, request.raw, reply.raw)
    })
    app.all('/*', async (request, reply) => {
      reply.hijack()
      await answer(request.url, reply.raw)
    })
    await app.ready()
    const listening = await listen(app.server)
    return {
      ...listening,
      async close() {
        await listening.close()
        await app.close().catch(() => {})
      },
    }
  },
  'Koa with middlewares of Connect': (guards, answer) => {
    const app = new Koa()
    app.use(async (ctx, next) => {
      if (ctx.path.startsWith('/guarded'))
        for (const guard of guards) await passed(guard, ctx.req, ctx.res)
      await next()
    })
    app.use(async (ctx) => {
      ctx.respond = false
      ctx.res.statusCode = 200
      await answer(ctx.url, ctx.res)
    })
    return listen(createServer(app.callback()))
  },
}

for (const [name, start] of Object.entries(adapters)) {
  describe(`a promise around next: ${name}`, () => {
    let gateway: Listening
    let agent: Agent
    /** The paths of the requests that a call was made for. */
    let seen: string[]
    let sockets: Set<unknown>
    const guard = circuitBreaker({
      name: `context on ${name}`,
      key: ({ url }) => {
        seen.push(url)
        return ''
      },
    })

    beforeEach(async () => {
      seen = []
      sockets = new Set()
      agent = new Agent({ keepAlive: true, maxSockets: 1 })
      gateway = await start([problemDetails(), guard], async (_url, res) => {
        await guard.fire(() => 'from another place')
        await fetch(nobody.url).catch(() => {})
        res.writeHead(500).end('bare')
      })
    })
    afterEach(async () => {
      agent.destroy()
      await gateway.close()
    })

    const ask = (path: string) =>
      new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        const call = get(gateway.url + path, { agent }, (answer) => {
          sockets.add(call.socket)
          const { statusCode: status } = answer
          text(answer).then((body) => resolve({ status, body }), reject)
        })
        call.on('error', reject)
      })

    it('keeps the context, and the next request of the connection sees nothing of it', async () => {
      const guarded = await ask('/guarded/1')
      assert.equal(guarded.status, 502)
      assert.equal((JSON.parse(guarded.body) as { code: string }).code, 'upstream_refused')
      assert.deepEqual(seen, ['/guarded/1', '/guarded/1'])
      const free = await ask('/free')
      assert.deepEqual(free, { status: 500, body: 'bare' })
      assert.deepEqual(seen, ['/guarded/1', '/guarded/1'])
      assert.equal((await ask('/guarded/2')).status, 502)
      assert.deepEqual(seen.slice(2), ['/guarded/2', '/guarded/2'])
      assert.equal(sockets.size, 1)
    })
  })
}
