// The existing proxy: Koa and http-proxy with a kept-alive agent, as it stands before anything is mounted.
import { createServer, type Server } from 'node:http'
import httpProxy from 'http-proxy'
import Koa, { type Middleware } from 'koa'
import { agent } from './gateway.js'

/** Koa, the middlewares given, and the proxy last. */
export function koaProxy(target: string, ...middlewares: Middleware[]): Server {
  const app = new Koa()
  app.silent = true
  for (const middleware of middlewares) app.use(middleware)
  const proxy = httpProxy.createProxyServer({ target, agent })
  app.use((ctx) => {
    ctx.respond = false
    proxy.web(ctx.req, ctx.res, {}, () => ctx.res.writeHead(502).end())
  })
  return createServer(app.callback())
}
