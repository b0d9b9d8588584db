import type { IncomingMessage, ServerResponse } from 'node:http'
import { http } from '../common/builtins.js'
import type { Socket } from 'node:net'
import { GatewayError } from '../errors/gateway-error.js'
import { type Exchange, exchangeOf } from '../exchange/exchange.js'
import { originOf } from '../exchange/origin.js'
import { decideHead } from '../response/hooks.js'

const METHODS = ['write', 'end', 'destroy', 'destroySoon'] as const
type Method = (...args: unknown[]) => unknown

/**
 * The exchange of an upgrade, whose response is written to the bare socket by whoever accepts or
 * refuses it. What is written first, or the close without a word, is taken for its head.
 */
export function upgradeExchange(req: IncomingMessage, socket: Socket): Exchange {
  // Node listens no more: a client that resets the connection would end the process.
  socket.on('error', () => {})
  const res = new http.ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  const exchange = exchangeOf({ req, res })
  const own = ownWrites(res)
  const unhook = hook(socket, own, (word) => decide(exchange, socket, word))
  const unwatch = watchEnd(socket, () => {
    unhook()
    socket.destroy()
  })
  exchange.follow({ closesAt: 'response', closed: unwatch, atHead: () => void unwatch() })
  // Also what a timer answers ends the connection.
  res.once('finish', () => {
    unhook()
    socket.destroySoon()
  })
  return exchange
}

/** What our own response does with the socket. */
interface OwnWrites {
  /** It is at it. */
  now: boolean
  /** It has begun; what the proxy still says is nobody's answer. */
  begun: boolean
}

function ownWrites(res: ServerResponse): OwnWrites {
  const own: OwnWrites = { now: false, begun: false }
  for (const name of ['write', 'end'] as const) {
    const original = res[name] as Method
    const marked: Method = (...args) => {
      Object.assign(own, { now: true, begun: true })
      try {
        return Reflect.apply(original, res, args)
      } finally {
        own.now = false
      }
    }
    Object.assign(res, { [name]: marked })
  }
  return own
}

/** Asks `stopped` at the first call of a method that writes or closes; returns how to ask no more. */
function hook(socket: Socket, own: OwnWrites, stopped: (word: unknown) => boolean): () => void {
  const hooks = METHODS.map((name) => {
    const original = socket[name] as Method
    const hooked: Method = (...args) => {
      if (own.now) return Reflect.apply(original, socket, args)
      const silenced = own.begun || stopped(args[0])
      if (silenced) return name === 'write' ? true : socket
      unhook()
      return Reflect.apply(original, socket, args)
    }
    Object.assign(socket, { [name]: hooked })
    return { name, original, hooked }
  })
  // Somebody may have wrapped ours since: then it asks again, and is told the same.
  const unhook = () => {
    for (const { name, original, hooked } of hooks)
      if (socket[name] === hooked) Object.assign(socket, { [name]: original })
  }
  return unhook
}

/** Nobody reads the socket during the dial, so nobody would see the client close it. */
function watchEnd(socket: Socket, left: () => void): () => void {
  const read = () => void (socket.readableLength === 0 && socket.read(0))
  socket.on('readable', read).once('end', left)
  socket.read(0)
  return () => void socket.off('readable', read).off('end', left)
}

/** Whether the proxy's first word, bytes or an error or nothing, was replaced by ours. */
function decide(exchange: Exchange, socket: Socket, word: unknown): boolean {
  // Our own answer comes this way too.
  if (exchange.response.settled) return false
  const head = headOf(word)
  const { by } = originOf(exchange.calls, head.status)
  if (word instanceof Error && by !== 'failure') {
    // Node destroys the socket of a client that has reset it, and some proxies the dial upon that.
    exchange.calls.abort(new GatewayError('client_closed_request'))
    return false
  }
  if (head.status === 101) switched(exchange)
  if (decideHead(exchange.response, head)) return true
  exchange.response.phase = 'answered'
  // An upstream that refuses with a body and dies in it leaves the client waiting.
  exchange.follow({
    callEnded: ({ state }) => void (state === 'failed' && socket.destroy()),
  })
  return false
}

/** Node publishes no response for it; what follows is not HTTP any more. */
function switched(exchange: Exchange): void {
  const { deciding } = exchange.calls
  if (deciding?.state !== 'open') return
  deciding.status = 101
  deciding.end('complete')
}

/** The head that a proxy writes by hand; a status is missing where it only closes. */
function headOf(chunk: unknown) {
  const text = typeof chunk === 'string' || chunk instanceof Uint8Array ? String(chunk) : ''
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
  return {
    status: status === undefined ? undefined : Number(status),
    header: (name: string) =>
      text
        .split('\r\n\r\n', 1)[0]
        ?.split('\r\n')
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim(),
  }
}
