// Compiled by the type check, never run: the middlewares fit the types of each host, without a cast.
import { createServer } from 'node:http'
import express, { type RequestHandler } from 'express'
import express4 from 'express4'
import * as connectApi from 'good-gateway'
import * as expressApi from 'good-gateway/express'
import * as koaApi from 'good-gateway/koa'
import Koa from 'koa'
import Koa2 from 'koa2'
import polka from 'polka'

interface Order {
  readonly id: string
}
const options = { volumeThreshold: 5, name: 'orders' }

export function onKoa(): void {
  const { problemDetails, validate, circuitBreaker, routes } = koaApi
  const order = validate<{ body: Order }>({ body: {} })
  const breaker = circuitBreaker(options)
  new Koa()
    .use(problemDetails())
    .use(routes({ 'POST /orders': [order, breaker], '/health': async (ctx) => void ctx.res.end() }))
    .use((ctx) => void order.valid(ctx).body.id)
  new Koa2()
    .use(problemDetails())
    .use(routes({ 'POST /orders': [order, breaker] }))
    .use((ctx) => void order.valid(ctx).body.id)
}

export function onExpress(): void {
  const { problemDetails, validate, circuitBreaker, routes } = expressApi
  const order = validate<{ body: Order }>({ body: {} })
  const breaker = circuitBreaker(options)
  const app = express()
  app.use(problemDetails())
  app.use(routes({ 'POST /orders': [order, breaker] }))
  app.use('/hooks', breaker, order)
  // Handlers in Express's own types, in a table.
  const handler: RequestHandler = (req, res) => void res.send(req.path)
  app.use(
    routes({ '/static/*': express.static('.'), '/router/*': express.Router(), '/x': handler }),
  )
  // The parameters keep the types that the path gives them.
  app.post('/orders/:id', order, breaker, (req, res) => {
    const id: string = req.params.id
    res.send(`${id} ${order.valid(req).body.id}`)
  })
  express.Router().get('/', order, breaker)
  const app4 = express4()
  app4.use(problemDetails())
  app4.use(routes({ 'POST /orders': [order, (_req, _res, next) => next()] }))
  app4.post('/orders/:id', order, breaker, (req, res) => {
    const id: string = req.params.id
    res.send(`${id} ${order.valid(req).body.id}`)
  })
  express4.Router().get('/', order, breaker)
}

export function onConnect(): void {
  const { problemDetails, validate, circuitBreaker, listener, upgradeListener } = connectApi
  const order = validate<{ body: Order }>({ body: {} })
  const breaker = circuitBreaker(options)
  polka()
    .use(problemDetails(), breaker)
    .post('/orders/:id', order, (req, res) => {
      res.end(`${req.path} ${order.valid(req).body.id}`)
    })
  const server = createServer(
    listener(problemDetails(), order, breaker, (req, res) => {
      res.end(order.valid(req).body.id)
    }),
  )
  server.on(
    'upgrade',
    upgradeListener(problemDetails(), breaker, (req, socket, head) => {
      socket.setNoDelay(head.length > 0 && req.url !== '/')
    }),
  )
}
