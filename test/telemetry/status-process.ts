import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listener, statusPage } from 'good-gateway'

// A gateway that is told to end while somebody looks at its status page: by `close`, or as a process
// that has nothing left to do.
const server = createServer(listener(statusPage(), (_req, res) => res.end('ok')))
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('message', () => {
  process.disconnect()
  if (process.argv[2] === 'close') server.close()
  else server.unref()
})
