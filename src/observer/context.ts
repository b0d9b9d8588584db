import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context, Exchange } from '../exchange/exchange.js'
import { clientLeft } from '../response/client.js'

/** What all copies of the package in a process have in common. */
interface Observer {
  /**
   * For which request something runs. It binds a call to its request when the call is made, and no
   * later: when an event of a kept-alive connection fires, it holds the request that opened the
   * connection. What a finished request has opened keeps no more of it than an empty context.
   */
  readonly context: AsyncLocalStorage<Context>
  /** Whether this Node tells of a request when it is made, not only when its body is sent. */
  hasCreatedChannel: boolean
  isStarted: boolean
}

const KEY = Symbol.for('good-gateway.observer/2')
const shared = globalThis as { [KEY]?: Observer }

/** @internal */
export const observer: Observer = (shared[KEY] ??= {
  context: new AsyncLocalStorage<Context>(),
  hasCreatedChannel: false,
  isStarted: false,
})

/** The request that something runs for; undefined outside of every request, and after its end. */
export function currentExchange(): Exchange | undefined {
  return observer.context.getStore()?.exchange
}

/** Runs work in the context of a request. */
export function runIn<T>(exchange: Exchange, work: () => T): T {
  const context = (exchange.context ??= contextOf(exchange))
  const { context: storage } = observer
  return storage.getStore() === context ? work() : storage.run(context, work)
}

function contextOf(exchange: Exchange): Context {
  return { exchange: exchange.isClosed ? undefined : exchange, clientLeft: false }
}

/** Whether something runs for a request whose client has left. */
export function isAbandoned(): boolean {
  const context = observer.context.getStore()
  if (context?.exchange) return clientLeft(context.exchange.response)
  return context?.clientLeft === true
}

/** Runs work in the context of no request. */
export function runOutside<T>(work: () => T): T {
  return observer.context.exit(work)
}
