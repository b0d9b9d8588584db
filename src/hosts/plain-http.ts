import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'

/** Node keeps the server on the socket. */
type ServerSocket = Socket & { readonly server?: Server | null; readonly encrypted?: boolean }

/** The protocols that the client would switch to. */
const protocolsOf = ({ headers }: IncomingMessage): string[] => listIn(headers.upgrade)

const listIn = (field = ''): string[] => field.split(',').map((each) => each.trim().toLowerCase())

/** Whether nobody else may want an upgrade that the handler does not: a WebSocket has no use for HTTP. */
export function isForNobody(req: IncomingMessage, { server }: ServerSocket): boolean {
  return !protocolsOf(req).includes('websocket') && server?.listenerCount('upgrade') === 1
}

/** HTTP/2 without TLS, for which clients ask by habit, and to which no server of Node switches. */
export const isHabit = (req: IncomingMessage): boolean =>
  protocolsOf(req).every((each) => each === 'h2c')

/** Fields that are about the switch alone, or about the connection. */
const OF_UPGRADE = new Set(['upgrade', 'http2-settings', 'connection'])
const OPTIONS = new Set(['', 'upgrade', 'http2-settings', 'keep-alive', 'close'])

/**
 * Lets a request for an upgrade go on as a plain one, which a server may do (RFC 9110, section 7.8):
 * Node's parser reads it again, without the field.
 *
 * It reads the body too, and the connection ends with the answer.
 */
export function goOnAsHttp(req: IncomingMessage, socket: ServerSocket, head: Buffer): void {
  const { server } = socket
  if (!server || socket.destroyed) return
  const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`]
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
    const name = req.rawHeaders[at] ?? ''
    if (!OF_UPGRADE.has(name.toLowerCase())) lines.push(`${name}: ${req.rawHeaders[at + 1]}`)
  }
  const options = listIn(req.headers.connection).filter((each) => !OPTIONS.has(each))
  lines.push(`Connection: ${['close', ...options].join(', ')}`, '', '')
  if (head.length > 0) socket.unshift(head)
  socket.unshift(Buffer.from(lines.join('\r\n'), 'latin1'))
  server.emit(socket.encrypted ? 'secureConnection' : 'connection', socket)
}
