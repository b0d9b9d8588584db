import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { warnThrew } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import { read } from '../failures/rule.js'
import { settleCallback } from '../response/buffered.js'
import { isSealed } from '../response/gate.js'
import { HandWrittenHead } from '../response/hand-written-head.js'
import { decideHead } from '../response/hooks.js'
import {
  methodsOf,
  showSocket,
  type SocketMethods,
  upgradeResponse,
} from '../response/upgrade-response.js'
import { type Exchange, exchangeOf, knownExchange } from './exchange.js'

/** An upgrade that the middlewares are about to see. */
export interface Upgrade {
  readonly req: IncomingMessage
  readonly socket: Socket
  /** Asked when the socket is closed without a word, where no call was made; true where it is not to be. */
  unanswered(): boolean
}

/**
 * The exchange of an upgrade, whose response is written to the bare socket by whoever accepts or
 * refuses it. What is written first, or the close without a word, is taken for its head.
 *
 * Nothing else is done with the socket: it is not read, not paused, and has no response in its place.
 */
export function upgradeExchange(upgrade: Upgrade): Exchange {
  const { req, socket } = upgrade
  const known = knownExchange(req)
  if (known) return known
  const below = methodsOf(socket)
  const exchange = exchangeOf({ req, res: upgradeResponse(req, below) })
  new Hooks(exchange, upgrade, below).set()
  socket.once('finish', () => {
    // A socket of a server stays half open, and the client need not close it.
    exchange.close()
    // What nobody has begun to read nobody will, and behind it would be the end.
    if (socket.readableFlowing === null) socket.resume()
  })
  return exchange
}

type Method = keyof SocketMethods
type AnyMethod = (...args: unknown[]) => unknown
const METHODS: readonly Method[] = ['write', 'end', 'destroy', 'destroySoon']

/** Listens to the methods of a socket until it is clear who answers. */
class Hooks {
  readonly #exchange: Exchange
  readonly #upgrade: Upgrade
  readonly #below: SocketMethods
  /** The methods as they were: their own properties go when the decision is made. */
  readonly #before = new Map<Method, { hooked: AnyMethod; own: unknown }>()
  #passed = false

  constructor(exchange: Exchange, upgrade: Upgrade, below: SocketMethods) {
    this.#exchange = exchange
    this.#upgrade = upgrade
    this.#below = below
  }

  set(): void {
    const { socket } = this.#upgrade
    for (const name of METHODS) {
      const hooked: AnyMethod = (...args) => this.#called(name, args)
      this.#before.set(name, { hooked, own: socket[name] })
      Object.assign(socket, { [name]: hooked })
    }
  }

  #called(name: Method, args: readonly unknown[]): unknown {
    if (!this.#passed && this.#isOurs(name, args)) return this.#silence(name, args)
    return Reflect.apply(this.#below[name], undefined, args)
  }

  /** What the application does with a socket that the gateway has answered on. */
  #silence(name: Method, args: readonly unknown[]): unknown {
    const { socket } = this.#upgrade
    settleCallback(args)
    if (name === 'destroy' && this.#isOfClient(args[0])) this.#below.destroy(args[0] as Error)
    return name === 'write' ? true : socket
  }

  /** Whether a call is ignored, because the gateway answers. */
  #isOurs(name: Method, args: readonly unknown[]): boolean {
    const { response, res } = this.#exchange
    if (isSealed(response.phase) || res.headersSent) return true
    try {
      return this.#decide(name, args)
    } catch (error) {
      // This is the proxy's event listener: nobody would catch it.
      warnThrew('the decision about an upgrade', error)
      this.#leave()
      return false
    }
  }

  #decide(name: Method, args: readonly unknown[]): boolean {
    const { calls, response } = this.#exchange
    const word = name === 'write' || name === 'end' ? args[0] : undefined
    const head = new HandWrittenHead(word)
    if (head.isInterim) return false
    if (this.#isOfClient(args[0])) {
      // Some proxies abort the dial upon that, which is no failure of the upstream.
      calls.abort(new GatewayError('client_closed_request'))
      this.#leave()
      return false
    }
    if (head.isSilence && calls.all.length === 0 && this.#upgrade.unanswered()) {
      response.phase = 'answered'
      this.#exchange.close()
      this.#leave()
      return true
    }
    if (head.status === 101) this.#switched()
    if (decideHead(response, head)) return true
    this.#pass()
    return false
  }

  /** Whether it is the error with which Node destroys the socket of a client that has reset it. */
  #isOfClient(error: unknown): boolean {
    const syscall = read(error, 'syscall')
    const { all } = this.#exchange.calls
    return (
      (syscall === 'read' || syscall === 'write') &&
      !all.some(({ failure }) => failure?.cause === error)
    )
  }

  /** Node publishes no response for it; what follows is not HTTP any more. */
  #switched(): void {
    const { deciding } = this.#exchange.calls
    if (deciding?.state !== 'open') return
    deciding.status = 101
    deciding.end('complete')
  }

  /** Somebody else has answered. */
  #pass(): void {
    const { response, res, calls, origin } = this.#exchange
    this.#leave()
    if (origin?.by === 'upstream' && origin.call.state === 'open') {
      // A refusal, whose body is a response like any other; no event can be appended to it.
      res.statusCode = origin.call.status ?? res.statusCode
      showSocket(res, this.#upgrade.req.socket)
      response.head = undefined
      return
    }
    response.phase = 'answered'
    calls.tellSuperseded()
  }

  /**
   * Puts the methods back. Somebody may have wrapped ours since: what is not ours any more stays, and
   * does nothing more.
   */
  #leave(): void {
    this.#passed = true
    const { socket } = this.#upgrade
    for (const [name, { hooked, own }] of this.#before)
      if (socket[name] === hooked) Object.assign(socket, { [name]: own })
  }
}
