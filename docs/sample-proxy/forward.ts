import { Agent as HttpAgent, type IncomingMessage, ServerResponse } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import httpProxy from 'http-proxy'

/** Hands a request to a target. */
export type Forward = (req: IncomingMessage, res: ServerResponse, target: string) => void

/** A proxy as it is found in many gateways: http-proxy, kept-alive connections, a bare 500 on errors. */
export function createForward(): Forward {
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
