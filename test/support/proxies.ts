import {
  Agent,
  get,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http'
import { get as getTls, request as tlsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { request } from 'undici'
import { createHttpProxy, createOwn } from '../../docs/sample-proxy/forward.js'

/** A way to call an upstream that somebody's gateway uses, in its simplest form. */
export interface Proxy {
  readonly name: string
  /** Whether several requests may wait for one GET, so that it does not end with a request. */
  readonly shares?: boolean
  /** Hands the request to the upstream, path and body included. */
  forward(req: IncomingMessage, res: ServerResponse, target: string): unknown
}

const bodyOf = (req: IncomingMessage) => (req.method === 'POST' ? req : null)
/** The fields that a proxy has to pass on for the body. */
const fields = ({ headers }: IncomingMessage) =>
  headers['content-length'] === undefined ? {} : { 'content-length': headers['content-length'] }

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding'])
/** What of the upstream's fields is meant for the client (RFC 9110, section 7.6.1). */
const endToEnd = (entries: Iterable<readonly [string, unknown]>) =>
  Object.fromEntries([...entries].filter(([name]) => !HOP_BY_HOP.has(name))) as Record<
    string,
    string
  >

function piped(req: IncomingMessage, res: ServerResponse, target: string): void {
  const tls = target.startsWith('https:')
  const url = target + (req.url ?? '/')
  const relay = (answer: IncomingMessage) => {
    res.writeHead(answer.statusCode ?? 0, endToEnd(Object.entries(answer.headers)))
    answer.pipe(res)
  }
  const failed = () => res.writeHead(500).end()
  const options = { headers: fields(req), agent: tls ? undefined : new Agent() }
  if (req.method !== 'POST') (tls ? getTls : get)(url, options, relay).on('error', failed)
  else {
    const call = (tls ? tlsRequest : httpRequest)(url, { ...options, method: 'POST' }, relay)
    req.pipe(call.on('error', failed))
  }
}

/** The proxies whose calls are aborted in four different ways. */
export const proxies: readonly Proxy[] = [
  { name: 'http-proxy', forward: createHttpProxy() },
  { name: 'forward', forward: createOwn() },
  { name: 'http.get and pipe', forward: piped },
  {
    name: 'fetch',
    shares: true,
    async forward(req, res, target) {
      const body = bodyOf(req)
      const options = body ? { body: Readable.toWeb(body) as ReadableStream, duplex: 'half' } : {}
      const answer = await fetch(target + req.url, {
        method: req.method ?? 'GET',
        ...(options as RequestInit),
      })
      res.writeHead(answer.status, endToEnd(answer.headers))
      if (answer.body) await pipeline(Readable.fromWeb(answer.body as ReadableStream), res)
    },
  },
  {
    name: 'undici',
    shares: true,
    async forward(req, res, target) {
      const answer = await request(target + req.url, {
        method: req.method === 'POST' ? 'POST' : 'GET',
        headers: fields(req),
        body: bodyOf(req),
      })
      res.writeHead(answer.statusCode, endToEnd(Object.entries(answer.headers)))
      await pipeline(answer.body, res)
    },
  },
]
