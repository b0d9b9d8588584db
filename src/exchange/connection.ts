import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A request that ends with its connection. */
interface Closable {
  readonly req: IncomingMessage
  readonly response: { readonly socket: Socket | undefined }
  close(): void
}

/** The request of a connection that is not over: several where the client does not wait for answers. */
const OPEN = Symbol.for('good-gateway.connection/2')
type Connection = Socket & { [OPEN]?: Closable | Closable[] | undefined }

/**
 * Closes a request at the latest when its connection closes: Node emits no `close` for a response
 * that still waits for the one before it on the same connection.
 *
 * One listener for each connection, not for each request.
 */
export function onSocketClose(request: Closable): void {
  // Requests of HTTP/2 share a session, whose streams tell themselves; made-up ones have no socket.
  const socket: Connection | undefined = request.response.socket
  if (socket === undefined || request.req.httpVersionMajor !== 1) return
  if (!(OPEN in socket)) socket.on('close', closeAll)
  const open = socket[OPEN]
  if (open === undefined) socket[OPEN] = request
  else if (Array.isArray(open)) open.push(request)
  else socket[OPEN] = [open, request]
}

/** A request is over: its connection, which may stay for long, lets go of it. */
export function leaveConnection(request: Closable): void {
  const socket: Connection | undefined = request.response.socket
  const open = socket?.[OPEN]
  if (socket === undefined || open === undefined) return
  if (Array.isArray(open)) socket[OPEN] = open.filter((each) => each !== request)
  else if (open === request) socket[OPEN] = undefined
}

function closeAll(this: Connection): void {
  const open = this[OPEN]
  if (Array.isArray(open)) for (const request of open) request.close()
  else open?.close()
}

/** The response that may write to a connection now: Node keeps it there, and the others wait. */
export function answeringOn(socket: Duplex): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
}
