import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Exchange } from '../exchange/exchange.js'
import type { ResponseHead } from './forward-call.js'
import { endToEnd, valueOf } from './response-fields.js'

/** The connection of a client that wants another protocol. */
export interface Upgrading {
  readonly socket: Socket
  /** What the client has sent of the other protocol already. */
  readonly head: Buffer
}

/** Tells the client that the upstream has switched (RFC 9110, section 7.8), and joins the connections. */
export function switchTo(
  upstream: Duplex,
  { res }: Exchange,
  { socket, head }: Upgrading,
  { fields }: ResponseHead,
): void {
  const kept = endToEnd(fields)
  kept.push('Connection', 'Upgrade', 'Upgrade', valueOf(fields, 'upgrade') ?? 'websocket')
  const lines = ['HTTP/1.1 101 Switching Protocols']
  for (let at = 0; at < kept.length; at += 2) lines.push(`${kept[at]}: ${kept[at + 1]}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  // Somebody has answered in place of the upstream.
  if (res.headersSent || socket.destroyed) return void upstream.on('error', ignore).destroy()
  socket.setNoDelay(true)
  join(socket, upstream)
  join(upstream, socket)
  if (head.length > 0) upstream.write(head)
}

const ignore = (): void => {}

/** Sends what one side says to the other; where one is gone without an end, so is the other. */
function join(from: Duplex, to: Duplex): void {
  from.on('error', () => to.destroy())
  from.on('close', () => {
    if (!from.readableEnded) to.destroy()
  })
  from.pipe(to)
}
