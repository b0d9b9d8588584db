import { circuitBreaker, problemDetails } from 'good-gateway/koa'
import { circuit, type Settings } from './gateway.js'
import { koaProxy } from './koa.js'

/** The proxy behind `problemDetails` and `circuitBreaker`. */
export const create = (settings: Settings) =>
  koaProxy(
    settings.target,
    problemDetails(),
    circuitBreaker({ name: 'upstream', ...circuit(settings) }),
  )
