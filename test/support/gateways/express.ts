import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { Readable } from 'node:stream'
import axios, { type AxiosRequestConfig } from 'axios'
import express from 'express'
import express4 from 'express4'
import expressHttpProxy from 'express-http-proxy'
import type { Transform } from 'good-gateway'
import * as api from 'good-gateway/express'
import * as hpm4 from 'http-proxy-middleware'
import * as hpm2 from 'http-proxy-middleware2'
import * as hpm3 from 'http-proxy-middleware3'
import { listen } from '../servers.js'
import { type Behind, type Gateway, guards } from './gateway.js'

interface App {
  set(name: string, value: unknown): unknown
  use(...handlers: unknown[]): unknown
}

function serve(app: App & RequestListener, proxy: unknown, transform?: Transform) {
  // Express prints the errors that its default handler gets, but in tests.
  app.set('env', 'test')
  app.use(...guards<unknown>(api as never, transform))
  app.use(proxy)
  return listen(createServer(app))
}

/** Gateways on Express. */
export const expressGateways: readonly Gateway[] = [
  {
    name: 'http-proxy-middleware 2',
    start: (behind, transform) =>
      serve(express4(), hpm2.createProxyMiddleware({ ...behind, logLevel: 'silent' }), transform),
  },
  {
    name: 'http-proxy-middleware 3',
    start: (behind, transform) => serve(express(), hpm3.createProxyMiddleware(behind), transform),
  },
  {
    name: 'http-proxy-middleware 4',
    start: (behind, transform) => serve(express(), hpm4.createProxyMiddleware(behind), transform),
  },
  {
    name: 'express-http-proxy',
    start: ({ target, proxyTimeout }, transform) =>
      serve(
        express4(),
        expressHttpProxy(target, proxyTimeout === undefined ? {} : { timeout: proxyTimeout }),
        transform,
      ),
  },
  {
    name: 'axios',
    start: (behind, transform) => serve(express(), throughAxios(behind), transform),
  },
  {
    name: 'axios that throws for no status',
    start: (behind, transform) =>
      serve(express(), throughAxios(behind, { validateStatus: () => true }), transform),
  },
]

function throughAxios({ target, proxyTimeout = 0 }: Behind, options: AxiosRequestConfig = {}) {
  return async (req: IncomingMessage, res: ServerResponse) => {
    const answer = await axios<Readable>({
      ...options,
      url: target + req.url,
      method: req.method ?? 'GET',
      headers: { 'Content-Type': req.headers['content-type'] ?? '' },
      ...(req.method === 'POST' && { data: req }),
      responseType: 'stream',
      timeout: proxyTimeout,
    })
    res.writeHead(answer.status, { 'Content-Type': String(answer.headers['content-type']) })
    answer.data.pipe(res)
  }
}
