import { createServer, type Socket } from 'node:net'
import { type Listening, listen } from '../support/servers.js'

/** A server that writes what it is told, byte by byte, for each request that it gets. */
export function rawServer(
  answer: (socket: Socket, request: string, count: number) => void,
): Promise<Listening> {
  let count = 0
  return listen(
    createServer((socket) => {
      socket.on('error', () => {})
      socket.setEncoding('latin1').on('data', (request: unknown) => {
        count += 1
        answer(socket, String(request), count)
      })
    }),
  )
}

/** A head with its fields, and a body with its length. */
export function whole(status: string, fields: readonly string[], body = ''): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  return [`HTTP/1.1 ${status}`, length, 'Connection: close', ...fields, '', body].join('\r\n')
}

/** The same for a request by HEAD, which has no body. */
export const reply =
  (status: string, fields: readonly string[] = [], body = '') =>
  (socket: Socket, request: string): void => {
    const text = whole(status, fields, body)
    socket.end(request.startsWith('HEAD') ? `${text.split('\r\n\r\n')[0]}\r\n\r\n` : text)
  }
