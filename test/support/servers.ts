import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A server that listens on a free port of 127.0.0.1. */
export interface Listening {
  readonly port: number
  readonly url: string
  /** Number of connections that are open now. */
  connections(): number
  /** Stops listening and destroys what is still connected. */
  close(): Promise<void>
}

/** Lets a server listen, and remembers its connections so that a test leaves none behind. */
export async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => sockets.size,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/**
 * Where nobody listens. A port that was freed would not do: the next server may get it. This one is
 * below those that are given away, and not among those that fetch refuses to call.
 */
export const nobody = { port: 29_999, url: 'http://127.0.0.1:29999' } as const
