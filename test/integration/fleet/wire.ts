import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server that takes its time, and can be cut without a word. */
export class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #delay: number
  #isCut = false

  private constructor(port: number, delay: number) {
    this.#delay = delay
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      this.#pass(near, far)
      this.#pass(far, near)
    })
  }

  /** @param delay - milliseconds in each direction. */
  static async start(port: number, delay = 0): Promise<Wire> {
    const wire = new Wire(port, delay)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.setNoDelay()
    from.on('data', (bytes) => {
      if (this.#isCut) return
      setTimeout(() => !this.#isCut && to.write(bytes), this.#delay)
    })
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }

  /** Loses all bytes from now on, while the connections stand. */
  cut(): void {
    this.#isCut = true
  }

  /** Carries bytes again, on new connections. */
  mend(): void {
    this.#isCut = false
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
