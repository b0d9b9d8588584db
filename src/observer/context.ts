import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import { type Context, type Exchange, knownExchange } from '../exchange/exchange.js'
import { clientLeft } from '../response/client.js'
import { isSealed } from '../response/gate.js'

/** What all copies of the package in a process have in common. */
interface Observer {
  /**
   * For which request something runs. It binds a call to its request when the call is made, and no
   * later: when an event of a kept-alive connection fires, it holds the request that opened the
   * connection. What a finished request has opened keeps no more of it than an empty context.
   */
  readonly context: AsyncLocalStorage<Context | undefined>
  /** Whether this Node tells of a request when it is made (from 22.12 on), not when its body is sent. */
  tellsOfCreation: boolean
  isStarted: boolean
}

const KEY = Symbol.for('good-gateway.observer/2')
const shared = globalThis as { [KEY]?: Observer }

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

/** @internal */
export const observer: Observer = (shared[KEY] ??= {
  context: new AsyncLocalStorage<Context | undefined>(),
  tellsOfCreation: major > 22 || (major === 22 && minor >= 12),
  isStarted: false,
})

const CONTEXT = Symbol.for('good-gateway.context/2')
type Entered = IncomingMessage & { [CONTEXT]?: Context }

/**
 * What the channels of Node's servers tell. A request gets a context of its own before anything runs
 * for it, so that it lasts where a middleware is awaited inside of a new promise. It stays with the
 * connection, whose next request gets another one.
 */
export const serverChannels = {
  'http.server.request.start': (message: unknown) => {
    const { request } = message as { readonly request: Entered }
    const context: Context = { exchange: undefined, clientLeft: false }
    request[CONTEXT] = context
    observer.context.enterWith(context)
  },
}

/** Whether all that happens on the connection of a request, until the next one, runs in its context. */
export const hasEntered = (req: Entered): boolean => req[CONTEXT] !== undefined

/** The request that something runs for; undefined outside of every request, and after its end. */
export function currentExchange(): Exchange | undefined {
  return observer.context.getStore()?.exchange
}

/** Runs work in the context of a request. */
export function runIn<T>(exchange: Exchange, work: () => T): T {
  const context = contextFor(exchange)
  const { context: storage } = observer
  return storage.getStore() === context ? work() : storage.run(context, work)
}

/** The context that the work of a request runs in. */
export const contextFor = (exchange: Exchange): Context =>
  (exchange.context ??= contextOf(exchange))

/** Takes the context of the request, unless its exchange is another: that of a fallback has its own. */
function contextOf(exchange: Exchange): Context {
  const entered = (exchange.req as Entered)[CONTEXT]
  const isOwn = entered !== undefined && knownExchange(exchange.req) === exchange
  const context = isOwn ? entered : { exchange: undefined, clientLeft: false }
  if (!exchange.isClosed) context.exchange = exchange
  return context
}

/** The exchange to which the response of a request is open: a fallback has one of its own. */
export function openExchange(exchange: Exchange): Exchange {
  if (!isSealed(exchange.response.phase)) return exchange
  const current = currentExchange()
  return current?.req === exchange.req ? current : exchange
}

/** The exchange that takes the body of a request: a fallback has one of its own. */
export function exchangeOfBody(req: IncomingMessage): Exchange | undefined {
  const current = currentExchange()
  const exchange = current?.req === req ? current : knownExchange(req)
  return exchange?.isClosed === false ? exchange : undefined
}

/** Whether something runs for a request whose client has left. */
export function isAbandoned(): boolean {
  const context = observer.context.getStore()
  if (context?.exchange) return clientLeft(context.exchange.response)
  return context?.clientLeft === true
}

/**
 * Runs work whose outgoing calls belong to no request: what several requests wait for, such as a
 * token that is fetched once for all, neither ends with the request that began it nor explains its
 * failure.
 *
 * @returns What the work returns; a promise too.
 * @throws {TypeError} when `work` is not a function.
 * @example
 * token ??= unobserved(() => fetchToken())
 */
export function unobserved<T>(work: () => T): T {
  if (typeof work !== 'function')
    throw new TypeError('unobserved: pass a function, as in unobserved(() => fetchToken())')
  return observer.context.run(undefined, work)
}
