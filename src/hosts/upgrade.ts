import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { warnThrew } from '../common/callback.js'
import { answeringOn } from '../exchange/connection.js'
import { upgradeExchange } from '../exchange/upgrade.js'
import type { AnyConnectMiddleware } from './connect.js'
import { runnerOf, split } from './listener.js'
import { goOnAsHttp, isForNobody, isHabit } from './plain-http.js'

/** What stands at the end: the existing proxy's way to take an upgrade. */
export type UpgradeHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => unknown

/** A listener for `server.on('upgrade', …)`. */
export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Composes middlewares and a handler into a listener for the `upgrade` event: a dial that fails, and
 * a circuit that is open, are answered in HTTP before the socket closes. A protocol that the handler
 * does not know goes on as a plain request.
 *
 * @throws {TypeError} when the last argument is no function, or another is none.
 * @example
 * server.on('upgrade', upgradeListener(problemDetails(), circuitBreaker({ name: 'chat' }), (req, socket, head) => proxy.ws(req, socket, head)))
 */
export function upgradeListener(
  ...parts: readonly [...AnyConnectMiddleware[], UpgradeHandler]
): UpgradeListener {
  const { middlewares, handler } = split<UpgradeHandler>(
    'upgradeListener',
    '(req, socket, head)',
    parts,
  )
  const run = runnerOf(middlewares)
  const begin = (req: IncomingMessage, socket: Socket, head: Buffer) => {
    const unanswered = () => {
      const isPlain = isForNobody(req, socket)
      // The handler may not have done with the socket yet.
      if (isPlain) process.nextTick(goOnAsHttp, req, socket, head)
      return isPlain
    }
    const { res } = upgradeExchange({ req, socket, unanswered })
    run({ req, res }, () => handler(req, socket, head))
  }
  return (req, duplex, head) => {
    const socket = asSocket(duplex)
    // Node listens no more: a client that resets the connection would end the process.
    socket.on('error', ignore)
    if (isTaken(socket)) return
    afterThoseInFront(req, socket, () => {
      try {
        if (isHabit(req) && isForNobody(req, socket)) goOnAsHttp(req, socket, head)
        else begin(req, socket, head)
      } catch (error) {
        warnThrew('upgradeListener', error)
        socket.destroy()
      }
    })
  }
}

const ignore = (): void => {}

/**
 * Node's own servers pass a socket, whatever their type says. Node 26 passes another stream where the
 * body of the request has not come yet: it writes to the socket and closes it, as that does.
 */
function asSocket(duplex: Duplex): Socket {
  const destroySoon = () => void duplex.end(() => duplex.destroy())
  if (!('destroySoon' in duplex)) Object.assign(duplex, { destroySoon })
  return duplex as Socket
}

/** Whether another listener of the same server has answered: Node hands over a socket that nobody reads. */
const isTaken = (socket: Socket): boolean =>
  socket.destroyed ||
  socket.writableEnded ||
  (socket.readableFlowing !== null && socket.bytesWritten > 0)

/** Answers come in the order of their requests (RFC 9112, section 9.3.2). */
function afterThoseInFront(req: IncomingMessage, socket: Socket, then: () => void): void {
  const first = answeringOn(req.socket)
  if (socket.destroyed) return
  if (!first || first.req === req) return then()
  first.once('close', () => afterThoseInFront(req, socket, then))
}
