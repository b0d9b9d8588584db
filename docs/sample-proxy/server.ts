import { EventEmitter, once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What a witness counts. */
export type Sight = 'connections' | 'requests' | 'aborted'

/** Counts what reaches a server, so that a test waits for a fact and not for a length of time. */
export class Witness {
  /** Connections that were accepted. */
  connections = 0
  /** Requests whose head has arrived. */
  requests = 0
  /** Requests whose client left before the server had done with them. */
  aborted = 0
  readonly #seen = new EventEmitter().setMaxListeners(0)

  /** Counts one more. */
  saw(sight: Sight): void {
    this[sight] += 1
    this.#seen.emit(sight)
  }

  /** Resolves when the count has reached a number: at once, or later, or never. */
  async until(sight: Sight, count: number): Promise<void> {
    while (this[sight] < count) await once(this.#seen, sight)
  }
}

/** A server that listens on a port of the loopback interface. */
export interface Running {
  readonly port: number
  /** Destroys every connection and frees the port. */
  close(): Promise<void>
}

/** Starts a server on any free port of 127.0.0.1 and lets a witness count its connections. */
export async function run(server: Server, witness: Witness): Promise<Running> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    witness.saw('connections')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return {
    port: address.port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      // closeAllConnections() of node:http forgets a connection in the middle of a TLS handshake.
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Answers with JSON, and a line end for the reader of a terminal. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
