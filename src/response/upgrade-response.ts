import type { IncomingMessage, ServerResponse } from 'node:http'
import { http } from '../common/builtins.js'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'

/** The methods that write to a socket or close it. */
export type SocketMethods = Pick<
  Socket,
  'write' | 'end' | 'destroy' | 'destroySoon' | 'resetAndDestroy'
>

/** The methods of a socket as they are now, whatever takes their place later. */
export function methodsOf(socket: Socket): SocketMethods {
  const { write, end, destroy, destroySoon, resetAndDestroy } = socket
  return {
    write: write.bind(socket) as Socket['write'],
    end: end.bind(socket) as Socket['end'],
    destroy: destroy.bind(socket) as Socket['destroy'],
    destroySoon: destroySoon.bind(socket) as Socket['destroySoon'],
    resetAndDestroy: resetAndDestroy.bind(socket) as Socket['resetAndDestroy'],
  }
}

/**
 * A stream that writes to a socket and closes it. Node lets one response at a time write to a socket:
 * that place is left to the application, which may want it for a response of its own.
 */
class Wire extends Writable {
  readonly #below: SocketMethods

  constructor(below: SocketMethods) {
    super({ decodeStrings: false })
    this.#below = below
  }

  override _write(chunk: string, encoding: BufferEncoding, done: () => void): void {
    this.#below.write(chunk, encoding, () => done())
  }

  override _final(done: () => void): void {
    this.#below.end(() => done())
  }

  /** Breaks off a body that ends with its connection. */
  resetAndDestroy(): void {
    this.#below.resetAndDestroy()
    this.destroy()
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.#below.destroy()
    done()
  }
}

const SOCKET = Symbol('socket')
type Relayed = ServerResponse & { [SOCKET]?: Socket }

/** The response for an upgrade that the gateway answers itself; its end closes the socket. */
export function upgradeResponse(req: IncomingMessage, below: SocketMethods): ServerResponse {
  const res = new http.ServerResponse(req)
  const wire = new Wire(below)
  res.shouldKeepAlive = false
  // All that a response asks of its socket is a stream.
  res.assignSocket(wire as unknown as Socket)
  wire.on('drain', () => res.emit('drain'))
  res.once('finish', () => wire.end())
  return res
}

/** What is asked of a response while somebody else writes to its socket. */
const RELAYED: PropertyDescriptorMap = {
  headersSent: { value: true },
  socket: socketMember((socket) => socket),
  writableEnded: socketMember((socket) => socket.writableEnded),
  writableFinished: socketMember((socket) => socket.writableFinished),
  writableNeedDrain: socketMember((socket) => socket.writableNeedDrain),
}

function socketMember(read: (socket: Socket) => unknown): PropertyDescriptor {
  return {
    get(this: Required<Relayed>) {
      return read(this[SOCKET])
    },
  }
}

/** From now on the response shows how another one does, which is written to the socket by hand. */
export function showSocket(res: Relayed, socket: Socket): void {
  res[SOCKET] = socket
  Object.defineProperties(res, RELAYED)
}
