import { createServer, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type Listening, listen } from './servers.js'

/** A forward proxy that knows CONNECT only. */
export async function startTunnels(): Promise<Listening & { count(): number }> {
  let count = 0
  const outgoing = new Set<Socket>()
  const server = createServer()
  server.on('connect', (req: IncomingMessage, client: Socket, head: Buffer) => {
    count++
    const { hostname, port } = new URL(`http://${req.url}`)
    const upstream = connect(Number(port), hostname)
    outgoing.add(upstream)
    const end = () => {
      client.destroy()
      upstream.destroy()
      outgoing.delete(upstream)
    }
    client.on('error', end).on('close', end)
    upstream.on('error', end).on('close', end)
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      client.pipe(upstream).pipe(client)
    })
  })
  const listening = await listen(server)
  return {
    ...listening,
    count: () => count,
    async close() {
      for (const socket of outgoing) socket.destroy()
      await listening.close()
    },
  }
}
