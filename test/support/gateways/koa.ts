import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import type { Transform } from 'good-gateway'
import * as api from 'good-gateway/koa'
import Koa, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import koaProxies from 'koa-proxies'
import { listen } from '../servers.js'
import { type Gateway, guards } from './gateway.js'

const koaBetterHttpProxy = createRequire(import.meta.url)('koa-better-http-proxy') as (
  host: string,
  options: object,
) => Middleware

function serve(proxy: unknown, transform?: Transform, app: Koa | Koa2 = new Koa()) {
  app.silent = true
  for (const middleware of guards<unknown>(api as never, transform))
    app.use(middleware as Middleware)
  app.use(proxy as Middleware)
  return listen(createServer(app.callback()))
}

/** Gateways on Koa. */
export const koaGateways: readonly Gateway[] = [
  { name: 'koa-proxies', start: (behind, transform) => serve(koaProxies('/', behind), transform) },
  {
    name: 'koa-better-http-proxy',
    buffers: true,
    start: ({ target, proxyTimeout }, transform) =>
      serve(
        koaBetterHttpProxy(target, proxyTimeout === undefined ? {} : { timeout: proxyTimeout }),
        transform,
        new Koa2(),
      ),
  },
  {
    name: 'a fetch handler',
    shares: true,
    start: ({ target, proxyTimeout }, transform) => {
      const handler: Middleware = async (ctx) => {
        const { method, url } = ctx
        const answer = await fetch(target + url, {
          method,
          headers: { 'content-type': ctx.get('content-type') },
          ...(method === 'POST' && { body: ctx.req, duplex: 'half' }),
          ...(proxyTimeout !== undefined && { signal: AbortSignal.timeout(proxyTimeout) }),
        } as RequestInit)
        ctx.status = answer.status
        ctx.set('content-type', answer.headers.get('content-type') ?? '')
        ctx.body = answer.body && Readable.fromWeb(answer.body as never)
      }
      return serve(handler, transform)
    },
  },
]
