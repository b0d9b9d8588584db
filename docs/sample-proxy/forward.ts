import { Agent as HttpAgent, type IncomingMessage, ServerResponse } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type ConnectForward, forward } from 'good-gateway'
import httpProxy from 'http-proxy'
import { readEngine } from './settings.js'

/** Hands a request to a target. */
export type Forward = (req: IncomingMessage, res: ServerResponse, target: string) => void

/** The proxy that `ENGINE` asks for: http-proxy, or the one of the package; the tests run on both. */
export function createForward(): Forward {
  return readEngine(process.env['ENGINE']) === 'forward' ? createOwn() : createHttpProxy()
}

/** A proxy as it is found in many gateways: http-proxy, kept-alive connections, a bare 500 on errors. */
export function createHttpProxy(): Forward {
  const agents = {
    'http:': new HttpAgent({ keepAlive: true }),
    'https:': new HttpsAgent({ keepAlive: true }),
  }
  const proxy = httpProxy.createProxyServer({ changeOrigin: true })
  proxy.on('error', (_error, _req, res) => {
    if (res instanceof ServerResponse) res.writeHead(500)
    res.end()
  })
  return (req, res, target) => {
    const agent = agents[new URL(target).protocol as keyof typeof agents]
    proxy.web(req, res, { target, agent })
  }
}

/** The proxy of the package, with a target for each request. */
export function createOwn(): Forward {
  const targets = new Map<string, ConnectForward>()
  return (req, res, target) => {
    const known = targets.get(target) ?? forward({ target })
    targets.set(target, known)
    known(req, res)
  }
}
