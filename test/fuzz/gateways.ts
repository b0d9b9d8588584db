import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import express from 'express'
import {
  breakers,
  circuitBreaker,
  clientErrorListener,
  type CircuitBreakerOptions,
  forward,
  listener,
  problemDetails,
  type UpgradeHandler,
  upgradeListener,
} from 'good-gateway'
import * as expressApi from 'good-gateway/express'
import * as koaApi from 'good-gateway/koa'
import httpProxy from 'http-proxy'
import { createProxyMiddleware } from 'http-proxy-middleware'
import * as httpxy from 'httpxy'
import Koa from 'koa'

/** Places of the circuit: far more than are ever in use. */
export const CAPACITY = 64

/** A gateway that somebody may have, guarded, in front of a target. */
export interface Fuzzed {
  readonly name: string
  create(target: string, options: CircuitBreakerOptions): Server
}

/** Every wait ends soon. */
const TIMES = {
  keepAliveTimeout: 100,
  headersTimeout: 400,
  requestTimeout: 600,
  connectionsCheckingInterval: 50,
}

/** The options of the circuit of a gateway, which has one for each. */
export const circuitOf = (name: string): CircuitBreakerOptions => ({
  name,
  timeout: 150,
  idleTimeout: 150,
  volumeThreshold: 1e9,
  capacity: CAPACITY,
})

export const release = (name: string): void => breakers.get(name)?.release()

function serve(
  handle: RequestListener,
  upgrade: UpgradeHandler,
  options: CircuitBreakerOptions,
): Server {
  const server = createServer(TIMES, handle)
  server.on('upgrade', upgradeListener(problemDetails(), circuitBreaker(options), upgrade))
  server.on('clientError', clientErrorListener())
  return server
}

const failed = (_error: Error, _req: unknown, res: unknown) => {
  const response = res as ServerResponse
  if (!('writeHead' in response)) return
  if (!response.headersSent) response.writeHead(500)
  response.end()
}

const HOP_BY_HOP =
  /^(?:connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|host|content-length|proxy-.*|http2-settings)$/i

/** What many have written by hand. */
async function throughFetch(req: IncomingMessage, target: string): Promise<Response> {
  const headers = Object.entries(req.headers).filter(([name]) => !HOP_BY_HOP.test(name))
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD'
  return fetch(new URL(req.url ?? '/', target), {
    method: req.method ?? 'GET',
    headers: headers.map(([name, value]) => [name, String(value)] as [string, string]),
    ...(hasBody && { body: Readable.toWeb(req) as ReadableStream, duplex: 'half' }),
    redirect: 'manual',
  } as RequestInit)
}

const onFetch =
  (target: string): Koa.Middleware =>
  async (ctx) => {
    const answer = await throughFetch(ctx.req, target)
    ctx.status = answer.status
    for (const [name, value] of answer.headers)
      if (!HOP_BY_HOP.test(name) && name !== 'content-encoding') ctx.append(name, value)
    if (answer.body) ctx.body = Readable.fromWeb(answer.body as ReadableStream)
  }

function koa(use: Koa.Middleware, options: CircuitBreakerOptions): RequestListener {
  const app = new Koa()
  app.silent = true
  app.use(koaApi.problemDetails()).use(koaApi.circuitBreaker(options)).use(use)
  return app.callback()
}

export const fuzzed: readonly Fuzzed[] = [
  {
    name: 'Koa and http-proxy',
    create(target, options) {
      const proxy = httpProxy.createProxyServer({ target })
      proxy.on('error', failed)
      const use: Koa.Middleware = (ctx) => {
        ctx.respond = false
        proxy.web(ctx.req, ctx.res)
      }
      return serve(koa(use, options), (req, socket, head) => proxy.ws(req, socket, head), options)
    },
  },
  {
    name: 'Express and http-proxy-middleware 4',
    create(target, options) {
      const proxy = createProxyMiddleware<express.Request, express.Response>({ target })
      const app = express()
      app.set('env', 'test')
      app.use(expressApi.problemDetails(), expressApi.circuitBreaker(options), proxy)
      const upgrade: UpgradeHandler = (req, socket, head) =>
        proxy.upgrade(req as express.Request, socket, head)
      return serve(app, upgrade, options)
    },
  },
  {
    name: 'httpxy',
    create(target, options) {
      const proxy = httpxy.createProxyServer({ target })
      proxy.on('error', failed)
      const handle = listener(problemDetails(), circuitBreaker(options), (req, res) =>
        proxy.web(req, res),
      )
      const upgrade: UpgradeHandler = (req, socket: Socket, head) =>
        proxy.ws(req, socket, {}, head).catch(() => {})
      return serve(handle, upgrade, options)
    },
  },
  {
    name: 'forward',
    create(target, options) {
      const proxy = forward({ target })
      const handle = listener(problemDetails(), circuitBreaker(options), proxy)
      return serve(handle, proxy.upgrade, options).on('close', () => void proxy.close())
    },
  },
  {
    name: 'fetch by hand',
    create: (target, options) =>
      serve(koa(onFetch(target), options), (_req, socket) => socket.destroy(), options),
  },
]
