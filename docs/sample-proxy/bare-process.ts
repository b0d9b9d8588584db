import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BareMessage } from './bare.js'
import { createForward } from './forward.js'

// The process that startBare() runs: http-proxy and nothing else.
const targets = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>
const forward = createForward()

const server = createServer((req, res: ServerResponse) => {
  const target = targets[req.url?.split(/[/?]/)[1] ?? '']
  if (target === undefined) res.writeHead(404).end()
  else forward(req, res, target)
})
server.listen(0, '127.0.0.1', () => {
  const message: BareMessage = { port: (server.address() as AddressInfo).port }
  process.send?.(message)
})
process.once('disconnect', () => process.exit())
// A terminal sends its interrupt to all processes; this one ends with its parent.
process.on('SIGINT', () => {})
