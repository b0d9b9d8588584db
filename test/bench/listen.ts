import { once } from 'node:events'
import { Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'

/** Listens on a free port of the loopback interface and returns the base URL. */
export async function listen(server: Server): Promise<string> {
  // Connections must outlive the turns of all others.
  if (server instanceof HttpServer) server.keepAliveTimeout = 120_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('no port to listen on')
  return `http://127.0.0.1:${address.port}`
}
