// The full guard on Koa, with the package's own proxy.
import { createServer } from 'node:http'
import { circuitBreaker, forward, problemDetails, routes, validate } from 'good-gateway/koa'
import Koa from 'koa'
import { circuit, order, type Settings, thing } from './gateway.js'

export function create(settings: Settings) {
  const breaker = (name: string) => circuitBreaker({ name, ...circuit(settings) })
  const app = new Koa()
  app.silent = true
  app.use(problemDetails())
  app.use(
    routes({
      'GET /things/:id': [validate({ params: thing }), breaker('things')],
      'POST /orders': [validate({ body: order }, { limit: settings.limit }), breaker('orders')],
      'GET /files/:name': breaker('files'),
      'GET /events': breaker('events'),
    }),
  )
  app.use(forward({ target: settings.target }))
  return createServer(app.callback())
}
