// The full guard on node:http, with the package's own proxy.
import { createServer } from 'node:http'
import { circuitBreaker, forward, listener, problemDetails, routes, validate } from 'good-gateway'
import { circuit, order, type Settings, thing } from './gateway.js'

export function create(settings: Settings) {
  const breaker = (name: string) => circuitBreaker({ name, ...circuit(settings) })
  return createServer(
    listener(
      problemDetails(),
      routes({
        'GET /things/:id': [validate({ params: thing }), breaker('things')],
        'POST /orders': [validate({ body: order }, { limit: settings.limit }), breaker('orders')],
        'GET /files/:name': breaker('files'),
        'GET /events': breaker('events'),
      }),
      forward({ target: settings.target }),
    ),
  )
}
