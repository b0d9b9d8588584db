// What is often built by hand: koa-bodyparser, ajv and opossum in front of http-proxy.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { Ajv } from 'ajv'
import httpProxy from 'http-proxy'
import Koa, { type Context, type Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import CircuitBreaker from 'opossum'
import { agent, circuit, order, type Settings, thing } from './gateway.js'

const ajv = new Ajv()
const checkOrder = ajv.compile(order)
const checkThing = ajv.compile(thing)

const check: Middleware = (ctx, next) => {
  const valid =
    ctx.method === 'POST'
      ? checkOrder(ctx.request.body)
      : !ctx.path.startsWith('/things/') || checkThing({ id: ctx.path.slice('/things/'.length) })
  if (valid) return next()
  const errors = ctx.method === 'POST' ? checkOrder.errors : checkThing.errors
  ctx.status = 400
  ctx.body = { error: ajv.errorsText(errors) }
}

// The types of opossum in this tree know only what the package uses of it.
const opossum = (
  action: (ctx: Context) => Promise<void>,
  options: object,
): CircuitBreaker<Context> => Reflect.construct(CircuitBreaker, [action, options])

function breakerOf(settings: Settings) {
  const proxy = httpProxy.createProxyServer({ target: settings.target, agent })
  const forward = async (ctx: Context) => {
    const failed = new Promise<never>((_resolve, reject) => {
      const { rawBody } = ctx.request
      const buffer =
        typeof rawBody === 'string' ? { buffer: Readable.from([Buffer.from(rawBody)]) } : {}
      proxy.web(ctx.req, ctx.res, buffer, reject)
    })
    await Promise.race([once(ctx.res, 'close'), failed])
    if (ctx.res.statusCode >= 500) throw new Error(`status ${ctx.res.statusCode}`)
  }
  return opossum(forward, { timeout: 30_000, ...circuit(settings) })
}

/** The hand-made stack. */
export function create(settings: Settings) {
  const app = new Koa()
  app.silent = true
  app.use(bodyParser({ enableTypes: ['json'], jsonLimit: `${settings.limit}b` }))
  app.use(check)
  const breaker = breakerOf(settings)
  app.use(async (ctx) => {
    try {
      await breaker.fire(ctx)
      ctx.respond = false
    } catch {
      if (ctx.res.headersSent) return
      ctx.status = breaker.opened ? 503 : 502
      ctx.body = { error: breaker.opened ? 'unavailable' : 'bad gateway' }
    }
  })
  return createServer(app.callback())
}
