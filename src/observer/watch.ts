import { http } from '../common/builtins.js'
import { GatewayError } from '../errors/gateway-error.js'
import { hasBody } from '../content/framing.js'
import { brokenBy, clientLeft, type Exchange } from '../exchange/exchange.js'
import { onHead, seal } from '../response/gate.js'
import { dropCall, explain } from '../exchange/call.js'
import { originOf } from './origin.js'
import { callOf } from './http.js'
import { callsOf, observer } from './context.js'

/** Runs the rest of a request so that its outgoing calls are known as its own. */
export function observe(exchange: Exchange, next: () => Promise<unknown>): Promise<unknown> {
  if (observer.store.getStore() === exchange) return next()
  return observer.store.run(exchange, next)
}

/** Follows a request to its end: who answers it, and whether the client stays. */
export function watch(exchange: Exchange): void {
  if (observer.byExchange.has(exchange)) return
  const calls = callsOf(exchange)
  onHead(exchange, ({ status }) => {
    const origin = originOf(exchange, status)
    if (origin.by === 'upstream') calls.relay = origin.call
    return undefined
  })
  exchange.closers.push(() => {
    const reason = reasonOfCut(exchange)
    if (reason === undefined) return
    // What the proxy makes of the calls that end now, nobody reads; but it may throw.
    seal(exchange)
    drop(exchange, reason)
  })
  if (observer.tellsCreation) return
  announcePiped(exchange)
  if (hasBody(exchange.req)) keepContext(exchange)
}

/** Why a response closed before it was whole; undefined when it was, or when the gateway has cut it. */
function reasonOfCut(exchange: Exchange): GatewayError | undefined {
  if (clientLeft(exchange)) return new GatewayError('client_closed_request')
  const broken = brokenBy(exchange)
  return (
    broken && (explain(broken, exchange) ?? new GatewayError('gateway_error', { cause: broken }))
  )
}

/**
 * Node 20 tells of a request only when its body is sent; one that breaks before that, on a connection
 * of another's, could not be told whose it is. Most proxies pipe the incoming request into it.
 */
function announcePiped(exchange: Exchange): void {
  const { req } = exchange
  const { pipe } = req
  req.pipe = (target, options) => {
    if (target instanceof http.ClientRequest) within(exchange, () => callOf(target))
    return Reflect.apply(pipe, req, [target, options])
  }
}

/** Events of the incoming body belong to no request by themselves; those of this one belong to it. */
function keepContext(exchange: Exchange): void {
  const { req } = exchange
  const { emit } = req
  req.emit = (...args: Parameters<typeof emit>) =>
    within(exchange, (): boolean => Reflect.apply(emit, req, args))
}

/** Who answers in place of another belongs to the same request, and stays in its own context. */
function within<T>(exchange: Exchange, work: () => T): T {
  const known = observer.store.getStore()?.req === exchange.req
  return known ? work() : observer.store.run(exchange, work)
}

/** Ends all calls of a request on this side. */
export function drop(exchange: Exchange, reason: GatewayError): void {
  const calls = callsOf(exchange)
  calls.dropped = reason
  for (const call of calls.open) dropCall(call, reason)
}
