import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import express from 'express'
import { circuitBreaker, listener, problemDetails, routes, validate } from 'good-gateway'
import * as koaApi from 'good-gateway/koa'
import Koa from 'koa'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { listen } from '../../support/servers.js'

/** A call as JavaScript allows it. */
const call = (value: unknown, ...args: unknown[]): unknown =>
  Reflect.apply(value as () => unknown, undefined, args)

describe('a middleware in the wrong place', () => {
  it('of Connect in Koa says where to import it from', async () => {
    const app = new Koa()
    const told: string[] = []
    app.on('error', ({ message }: Error) => told.push(message))
    app.use(problemDetails() as unknown as Koa.Middleware)
    const server = await listen(createServer(app.callback()))
    await sendRaw(server.port, getLine('/'))
    await server.close()
    assert.match(told.join('\n'), /problemDetails of good-gateway was called without next; in Koa/)
  })

  it('of Koa in Express says where to import it from', async () => {
    const app = express().set('env', 'test')
    app.use(koaApi.problemDetails() as unknown as express.RequestHandler)
    const told: string[] = []
    const tells: express.ErrorRequestHandler = ({ message }: Error, _req, res, _next) => {
      told.push(message)
      res.end()
    }
    app.use(tells)
    const server = await listen(createServer(app))
    await sendRaw(server.port, getLine('/'))
    await server.close()
    assert.match(told.join('\n'), /good-gateway\/koa was called without a context; import it from/)
  })

  it('that was not called says so', () => {
    for (const factory of [problemDetails, circuitBreaker]) {
      const calls = `call it where you mount it: app\\.use\\(${factory.name}`
      assert.throws(() => call(factory, { req: {}, res: {} }), new RegExp(calls))
    }
  })

  it('of Connect in the place of the handler is refused', () => {
    assert.throws(() => call(listener, problemDetails()), /pass middlewares, then the handler/)
  })
})

describe('a mistyped key of routes', () => {
  it('names the method that was meant', () => {
    assert.throws(
      () => routes({ 'PSOT /orders': validate({ body: {} }) }),
      /routes: "PSOT \/orders": did you mean "POST"\?/,
    )
    routes({ 'PURGE /orders': validate({ query: {} }), 'FROB /x': validate({ query: {} }) })
  })
})

describe('a handler that calls next twice', () => {
  it('causes a warning, and the request goes on once', async () => {
    const seen: string[] = []
    const warned = ({ message }: Error) => void seen.push(message)
    process.on('warning', warned)
    let reached = 0
    const server = await listen(
      createServer(
        listener(
          problemDetails(),
          routes({
            '/*': (_req, _res, next) => {
              next()
              next()
            },
          }),
          (_req, res) => {
            reached++
            res.end('ok')
          },
        ),
      ),
    )
    const received = await sendRaw(server.port, getLine('/'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', warned)
    await server.close()
    assert.deepEqual([received.status, reached], [200, 1])
    assert.match(seen.join('\n'), /called next\(\) twice/)
  })
})
