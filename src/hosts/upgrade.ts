import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AnyConnectMiddleware } from './connect.js'
import { runAll, split } from './listener.js'
import { upgradeExchange } from '../observer/upgrade.js'

/** What stands at the end: the existing proxy's way to take an upgrade. */
export type UpgradeHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => unknown

/** A listener for `server.on('upgrade', …)`. */
export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Composes middlewares and a handler into a listener for the `upgrade` event: a dial that fails, and
 * a circuit that is open, are answered in HTTP before the socket closes.
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
  return (req, duplex, head) => {
    // Node's own servers pass a socket; their type says less for those who make up others.
    const socket = duplex as Socket
    const { res } = upgradeExchange(req, socket)
    runAll(middlewares, { req, res }, () => handler(req, socket, head))
  }
}
