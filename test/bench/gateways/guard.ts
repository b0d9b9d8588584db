import { circuitBreaker, problemDetails, routes, validate } from 'good-gateway/koa'
import { circuit, order, type Settings, thing } from './gateway.js'
import { koaProxy } from './koa.js'

/** The proxy behind the full guard, with routes as the guide mounts them. */
export function create(settings: Settings) {
  const breaker = (name: string) => circuitBreaker({ name, ...circuit(settings) })
  return koaProxy(
    settings.target,
    problemDetails(),
    routes({
      'GET /things/:id': [validate({ params: thing }), breaker('things')],
      'POST /orders': [validate({ body: order }, { limit: settings.limit }), breaker('orders')],
      'GET /files/:name': breaker('files'),
      'GET /events': breaker('events'),
      'GET /events/:count': breaker('events of a number'),
    }),
  )
}
