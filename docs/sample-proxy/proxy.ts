import {
  circuitBreaker,
  health,
  problemDetails,
  routes,
  statusPage,
  validate,
} from 'good-gateway/koa'
import type { PrometheusMetrics } from 'good-gateway/prometheus'
import Koa from 'koa'
import type { BareProxy } from './bare.js'
import { faultNames } from './fault-table.js'
import type { Faults } from './faults.js'
import { createForward } from './forward.js'
import { hookRoutes } from './hooks.js'
import { chatSchema, orderIdSchema, orderSchema } from './schemas.js'

/** What the sample proxy stands in front of. */
export interface Behind {
  /** Base URL of the upstream for everything but the faults. */
  readonly upstream: string
  readonly faults: Faults
  readonly bare: BareProxy
  /** The text of `GET /`. */
  readonly listing: () => string
  /** What `GET /metrics` shows. */
  readonly metrics?: PrometheusMetrics
}

/** Milliseconds; longer than the slow fault takes, short enough to wait for the one that hangs. */
const TIMEOUT = 3000

/** The probes of the sample; they are told when it is about to stop. */
export const probes = health()

/** The sample: an existing Koa proxy with the middlewares mounted before it. */
export function createProxy({ upstream, faults, bare, listing, metrics }: Behind): Koa {
  const app = new Koa()
  const forward = createForward()
  const orders = circuitBreaker({ name: 'orders', timeout: TIMEOUT })
  const chat = circuitBreaker({ name: 'chat' })

  app.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/bare/faults/')) return next()
    ctx.respond = false
    bare.pass(ctx.req, ctx.res, ctx.url.slice('/bare/faults'.length))
  })
  app.use(async (ctx, next) => {
    if (ctx.path !== '/') return next()
    ctx.body = listing()
  })
  app.use(async (ctx, next) => {
    if (ctx.path !== '/metrics' || metrics === undefined) return next()
    ctx.type = metrics.contentType
    ctx.body = metrics.text()
  })

  app.use(problemDetails({ name: 'sample-proxy' }))
  // Without `authorize` the page is for this machine only.
  app.use(probes).use(statusPage())
  app.use(
    routes({
      'POST /orders': [validate({ body: orderSchema }), orders],
      'GET /orders/:id': [validate({ params: orderIdSchema }), orders],
      'POST /v1/chat/completions': [validate({ body: chatSchema }), chat],
      ...hookRoutes(),
      ...faultRoutes(),
    }),
  )

  app.use(async (ctx) => {
    ctx.respond = false
    forward(ctx.req, ctx.res, targetOf(ctx.path))
  })

  function targetOf(path: string): string {
    const fault = faultNames.find((name) => path === `/faults/${name}`)
    return fault === undefined ? upstream : faults.target(fault)
  }
  return app
}

/** A circuit for each fault, so that one does not open the circuit of another. */
function faultRoutes() {
  return Object.fromEntries(
    faultNames.map((name) => [
      `/faults/${name}`,
      [circuitBreaker({ name: `faults-${name}`, timeout: TIMEOUT })],
    ]),
  )
}
