import { createServer, request, type RequestListener, type ServerResponse } from 'node:http'
import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'
import * as api from 'good-gateway'
import type { AnyConnectMiddleware, Transform } from 'good-gateway'
import httpProxy from 'http-proxy'
import * as httpProxy3 from 'http-proxy-3'
import * as httpxy from 'httpxy'
import { Agent } from 'undici'
import { listen } from '../servers.js'
import { type Gateway, guards } from './gateway.js'

const mounted = (handler: RequestListener, transform?: Transform): RequestListener =>
  api.listener(...guards<AnyConnectMiddleware>(api as never, transform), handler)

const serve = (handler: RequestListener, transform?: Transform) =>
  listen(createServer(mounted(handler, transform)))

/** The error listener of http-proxy's own documentation. */
function wentWrong(_error: Error, _req: unknown, res: unknown): void {
  const response = res as ServerResponse
  response.writeHead(500, { 'Content-Type': 'text/plain' })
  response.end('Something went wrong. And we are reporting a custom error message.')
}

/** Gateways on `node:http`. */
export const nodeGateways: readonly Gateway[] = [
  {
    name: 'http-proxy 1.18.1',
    start(behind, transform) {
      const proxy = httpProxy.createProxyServer(behind)
      proxy.on('error', wentWrong)
      return serve((req, res) => proxy.web(req, res), transform)
    },
  },
  {
    name: 'http-proxy-3',
    start(behind, transform) {
      const proxy = httpProxy3.createProxyServer(behind)
      proxy.on('error', wentWrong)
      return serve((req, res) => proxy.web(req, res), transform)
    },
  },
  {
    name: 'http-proxy-3 over fetch',
    shares: true,
    start(behind, transform) {
      const proxy = httpProxy3.createProxyServer({ ...behind, fetch })
      proxy.on('error', wentWrong)
      return serve((req, res) => proxy.web(req, res), transform)
    },
  },
  {
    name: 'httpxy',
    start(behind, transform) {
      const proxy = httpxy.createProxyServer(behind)
      proxy.on('error', wentWrong)
      return serve((req, res) => void proxy.web(req, res), transform)
    },
  },
  {
    name: 'forward',
    start: ({ target, proxyTimeout }, transform) =>
      serve(
        api.forward(
          proxyTimeout === undefined
            ? { target }
            : { target, dispatcher: new Agent({ headersTimeout: proxyTimeout }) },
        ),
        transform,
      ),
  },
  {
    name: 'http.request and pipe',
    start({ target, proxyTimeout = 0 }, transform) {
      return serve((req, res) => {
        const { method, headers } = req
        const options = { method, headers, timeout: proxyTimeout }
        const call = request(target + req.url, options as object, (answer) => {
          res.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(res)
        })
        call.on('timeout', () => call.destroy())
        call.on('error', () => {
          if (!res.headersSent) res.writeHead(502)
          res.end()
        })
        req.pipe(call)
      }, transform)
    },
  },
  {
    name: '@fastify/reply-from',
    shares: true,
    async start({ target, proxyTimeout }, transform) {
      const app = fastify({
        serverFactory: (handler) => createServer(mounted(handler as RequestListener, transform)),
      })
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
      await app.register(replyFrom, { base: target })
      const options = proxyTimeout === undefined ? {} : { timeout: proxyTimeout }
      app.all('/*', (incoming, reply) => void reply.from(incoming.raw.url ?? '/', options))
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
  },
]
