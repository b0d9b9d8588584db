import { AsyncLocalStorage } from 'node:async_hooks'
import type { Exchange } from '../exchange/exchange.js'
import type { Call, Calls } from '../exchange/call.js'

/** What all copies of the package in a process have in common. */
interface Observer {
  readonly store: AsyncLocalStorage<Exchange>
  /**
   * The truth about which request made a call. The store is only for binding: when an event of a
   * kept-alive connection fires, it holds the request that opened the connection.
   */
  readonly byRequest: WeakMap<object, Call>
  readonly byExchange: WeakMap<Exchange, Calls>
  /** Whether this Node tells of a request when it is made, not only when its body is sent. */
  tellsCreation: boolean
  subscribed: boolean
}

const KEY = Symbol.for('good-gateway.observer')
const shared = globalThis as { [KEY]?: Observer }

/** @internal */
export const observer: Observer = (shared[KEY] ??= {
  store: new AsyncLocalStorage<Exchange>(),
  byRequest: new WeakMap(),
  byExchange: new WeakMap(),
  tellsCreation: false,
  subscribed: false,
})

/** The calls that a request has made so far. */
export function callsOf(exchange: Exchange): Calls {
  let calls = observer.byExchange.get(exchange)
  if (calls === undefined) {
    calls = { last: undefined, relay: undefined, open: new Set(), watchers: [], dropped: undefined }
    observer.byExchange.set(exchange, calls)
  }
  return calls
}
