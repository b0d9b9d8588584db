import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect, createServer as createHttp2 } from 'node:http2'
import { text } from 'node:stream/consumers'
import Koa from 'koa'
import { type CircuitBreakerOptions, circuitBreaker, listener, problemDetails } from 'good-gateway'
import * as nodeApi from 'good-gateway'
import * as koaApi from 'good-gateway/koa'
import { type Listening, listen, nobody } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown
type Serve = (
  options: CircuitBreakerOptions,
  validates: boolean,
  handler: Handler,
) => Promise<Listening>

const body = { type: 'object' }

const servers: Record<string, Serve> = {
  'node:http2': (options, validates, handler) => {
    const check = validates ? [nodeApi.validate({ body })] : []
    const listen2 = listener(problemDetails(), ...check, circuitBreaker(options), handler)
    return listen(createHttp2((req, res) => listen2(req as never, res as never)))
  },
  'Koa over node:http2': (options, validates, handler) => {
    const app = new Koa().use(koaApi.problemDetails())
    if (validates) app.use(koaApi.validate({ body }))
    app.use(koaApi.circuitBreaker(options)).use(async (ctx) => {
      ctx.respond = false
      await handler(ctx.req, ctx.res)
    })
    const callback = app.callback()
    return listen(createHttp2((req, res) => void callback(req as never, res as never)))
  },
}

/** Sends the body of a request on, piped or read before. */
const forwards: Record<string, (req: IncomingMessage, target: string) => Promise<string>> = {
  'a pipe': (req, target) =>
    new Promise((resolve, reject) => {
      const call = request(target, { method: req.method ?? '' }, (answer) => {
        text(answer).then(resolve, reject)
      })
      req.pipe(call.on('error', reject))
    }),
  fetch: async (req, target) =>
    (await fetch(target, { method: 'POST', body: await text(req) })).text(),
}

let mounted = 0

for (const [name, serve] of Object.entries(servers))
  describe(`${name}, the body that a fallback gets`, () => {
    let upstream: Listening
    let second: Listening

    before(async () => {
      upstream = await listen(
        createServer((req) => {
          if (req.url === '/reset') req.socket.resetAndDestroy()
          else req.resume()
        }),
      )
      second = await listen(
        createServer((req, res) => {
          void text(req).then((all) => res.end(`second: ${req.method} ${all}`))
        }),
      )
    })
    after(async () => {
      await upstream.close()
      await second.close()
    })

    async function ask(
      forward: (req: IncomingMessage, target: string) => Promise<string>,
      target: string,
      { validates = false, bufferLimit = '1mb' } = {},
    ) {
      const gateway = await serve(
        {
          name: `fallback over HTTP/2 ${mounted++}`,
          timeout: 150,
          volumeThreshold: 1e6,
          bufferLimit,
          fallback: async ({ req, res }) => {
            assert.deepEqual([req.method, req.url, req.headers['x-a']], ['POST', '/', 'a'])
            res.end(await forward(req, second.url))
          },
        },
        validates,
        async (req, res) => {
          const answer = await forward(req, target).catch(() => undefined)
          if (answer === undefined) res.writeHead(502)
          res.end(answer)
        },
      )
      const session: ClientHttp2Session = connect(gateway.url)
      const fields = { ':method': 'POST', 'content-type': 'application/json', 'x-a': 'a' }
      const stream = session.request(fields)
      stream.write('{"a":')
      setImmediate(() => stream.end('1}'))
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
      const answer = await text(stream)
      session.destroy()
      await gateway.close()
      return [head[':status'], answer]
    }

    const targets: Record<string, () => string> = {
      refuses: () => nobody.url,
      hangs: () => upstream.url,
      resets: () => `${upstream.url}/reset`,
    }
    for (const [how, forward] of Object.entries(forwards))
      for (const [what, target] of Object.entries(targets))
        for (const validates of [false, true])
          it(`is whole, over ${how}, where the upstream ${what}${validates ? ' and it was checked' : ''}`, async () => {
            assert.deepEqual(await ask(forward, target(), { validates }), [
              200,
              'second: POST {"a":1}',
            ])
          })

    it('is none where it is over the limit: then the fallback is not asked', async () => {
      const [status, answer] = await ask(forwards['fetch'] as never, nobody.url, {
        bufferLimit: '3b',
      })
      assert.equal(status, 502)
      assert.match(String(answer), /upstream_refused/)
    })
  })
