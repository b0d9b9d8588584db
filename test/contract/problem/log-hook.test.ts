import assert from 'node:assert/strict'
import {
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { inspect } from 'node:util'
import express from 'express'
import express4 from 'express4'
import createHttpError from 'http-errors'
import Koa from 'koa'
import type { ErrorInfo, GatewayError } from 'good-gateway'
import * as expressApi from 'good-gateway/express'
import * as koaApi from 'good-gateway/koa'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { startFaults } from '../../../docs/sample-proxy/faults.js'
import { throwing } from '../../support/hosts.js'
import { checkSchema, fieldOf } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { listen } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SECRETS = [
  'Authorization: Bearer token-s3cret',
  'Cookie: session=s3cret-cookie; theme=dark',
  'X-Api-Key: s3cret-key',
]

for (const host of throwing) {
  describe(`${host.name}, what the log hook gets`, () => {
    async function told(handler: Handler, fields: string[] = [], path = '/orders/7?key=s3cret') {
      const reports: { error: GatewayError; info: ErrorInfo }[] = []
      const gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => [
          problemDetails({ onError: (error, info) => reports.push({ error, info }) }),
          circuitBreaker({ name: `logged on ${host.name}`, timeout: 300, volumeThreshold: 1e6 }),
        ],
        handler,
      })
      try {
        const received = await sendRaw(gateway.port, getLine(path, ...SECRETS, ...fields))
        const [report] = reports
        assert.ok(report)
        assert.equal(reports.length, 1)
        checkSchema(report.info.problem)
        assert.doesNotMatch(inspect(report.info, { depth: Infinity, showHidden: true }), /s3cret/)
        assert.equal(report.info.requestId, fieldOf(received.head, 'x-request-id'))
        return report
      } finally {
        await gateway.close()
      }
    }

    const forward = createForward()
    const faults = startFaults()
    after(async () => (await faults).close())
    const fault =
      (name: 'refused' | 'hang' | 'head-then-fin'): Handler =>
      async (req, res) =>
        forward(req, res, (await faults).target(name))

    it('a refused connection, with the low-level error and no secret', async () => {
      const { error, info } = await told(fault('refused'))
      assert.equal(info.code, 'upstream_refused')
      assert.equal(info.cause, 'dependency')
      assert.deepEqual(info.upstream, { name: `logged on ${host.name}` })
      assert.deepEqual([info.error?.code, info.error?.syscall], ['ECONNREFUSED', 'connect'])
      assert.match(info.error?.message ?? '', /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
      assert.equal(error.cause instanceof Error && error.cause.message, info.error?.message)
      assert.deepEqual([info.method, info.path], ['GET', '/orders/7'])
      assert.deepEqual(Object.keys(info.timings ?? {}), ['total'])
      assert.equal(info.traceId, undefined)
    })

    it('how long each part of the call took', async () => {
      const { info } = await told(fault('hang'))
      const { connect = NaN, firstByte, total = NaN } = info.timings ?? {}
      assert.equal(info.code, 'upstream_timeout')
      assert.ok(connect >= 0 && connect < 200, String(connect))
      assert.equal(firstByte, undefined)
      assert.ok(total >= 290, String(total))
      const answered = (await told(fault('head-then-fin'))).info
      const { timings } = answered
      assert.ok(timings?.connect !== undefined && timings.firstByte !== undefined)
      assert.ok(timings.connect <= timings.firstByte && timings.firstByte <= timings.total)
      assert.equal(answered.upstream?.status, 200)
    })

    it('how long a call of fetch took', async () => {
      const upstream = await listen(createServer((_req, res) => res.socket?.destroy()))
      const { info } = await told(async () => await fetch(`${upstream.url}/x?key=s3cret`))
      await upstream.close()
      assert.equal(info.code, 'upstream_connection_lost')
      assert.equal(info.error?.code, 'UND_ERR_SOCKET')
      assert.ok((info.timings?.connect ?? NaN) <= (info.timings?.total ?? NaN))
    })

    it('the trace that the request belongs to', async () => {
      const traced = async (field: string) =>
        (await told(fault('refused'), [`traceparent: ${field}`])).info.traceId
      assert.equal(await traced(`00-${TRACE}-00f067aa0ba902b7-01`), TRACE)
      assert.equal(await traced(`cc-${TRACE}-00f067aa0ba902b7-01-what-comes-later`), TRACE)
      for (const bad of [
        `ff-${TRACE}-00f067aa0ba902b7-01`,
        `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
        `00-${TRACE}-${'0'.repeat(16)}-01`,
        `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
        TRACE,
      ]) {
        assert.equal(await traced(bad), undefined, bad)
      }
    })

    it('nothing that a library has put into its message', async () => {
      const messages: [thrown: string, told: string][] = [
        ['GET http://u:s3cret@h.example/a?key=s3cret failed', 'GET http://…@h.example/a?… failed'],
        ['bad header Bearer token-s3cret', 'bad header …'],
        ['token token-s3cret expired', 'token … expired'],
        ['cookie s3cret-cookie, key s3cret-key', 'cookie …, key …'],
        ['Is it up? No.', 'Is it up? No.'],
      ]
      for (const [thrown, expected] of messages) {
        const { info } = await told(() => {
          throw createHttpError(400, thrown)
        })
        assert.deepEqual([info.error?.message, info.problem.detail], [expected, expected])
      }
    })

    it('the template of the route, and the exchange, with what the application has put on its request', async () => {
      const calls: unknown[] = []
      const gateway = await host.start({
        use: ({ problemDetails, circuitBreaker, routes }) => [
          problemDetails({
            onError: (error, { code, route }, exchange) =>
              calls.push([error.code, code, route, exchange.params['id'], exchange.req.url]),
          }),
          routes({ 'GET /orders/:id': circuitBreaker({ name: `routed on ${host.name}` }) }),
        ],
        handler: fault('refused'),
      })
      await sendRaw(gateway.port, getLine('/orders/7'))
      await gateway.close()
      const code = 'upstream_refused'
      assert.deepEqual(calls, [[code, code, '/orders/:id', '7', '/orders/7']])
    })

    it('the path alone of an absolute target', async () => {
      const { info } = await told(
        fault('refused'),
        [],
        'http://u:s3cret@h.example/a/b?s3cret#s3cret',
      )
      assert.equal(info.path, '/a/b')
    })

    it('an error of several addresses by its parts', async () => {
      const { info } = await told(() => {
        throw new AggregateError([new Error('connect to ::1'), new Error('connect to 127.0.0.1')])
      })
      assert.equal(info.error?.message, 'connect to ::1; connect to 127.0.0.1')
    })

    it('no value of a field that holds credentials, whatever its name', async () => {
      const names = ['apikey', 'x-apikey', 'accesskey', 'x-passwd', 'x-auth', 'x-pwd', 'x-jwt']
      for (const name of names) {
        const { info } = await told(() => {
          throw createHttpError(400, 'refused: s3cret-value')
        }, [`${name}: s3cret-value`])
        assert.equal(info.error?.message, 'refused: …', name)
      }
    })

    it('whatever was thrown', async () => {
      for (const [thrown, message] of [
        ['text', 'text'],
        [Symbol('s'), 'Symbol(s)'],
        [{ message: 7 }, ''],
        [Object.create(null), ''],
      ] as const) {
        const { info } = await told(() => {
          // oxlint-disable-next-line typescript/only-throw-error -- that is the point
          throw thrown
        })
        assert.deepEqual([info.code, info.error?.message], ['gateway_error', message])
      }
    })

    it('how long a call on a reused connection took', async () => {
      const upstream = await listen(
        createServer((req, res) => {
          if (req.url === '/good') res.end()
          else req.socket.destroy()
        }),
      )
      const get = (path: string) =>
        new Promise((resolve, reject) => {
          request(upstream.url + path, (answer) => answer.resume().once('close', resolve))
            .once('error', reject)
            .end()
        })
      const { info } = await told(async () => {
        await get('/good')
        await get('/bad')
      })
      await upstream.close()
      assert.ok((info.timings?.connect ?? NaN) < 50, JSON.stringify(info.timings))
    })
  })
}

/** Each host's way to mount at a path, where its routers rewrite the target. */
const mounts: Record<string, (report: (info: ErrorInfo) => void) => RequestListener> = {
  'Express 5': (report) => {
    const router = express.Router()
    router.use(expressApi.problemDetails({ onError: (_error, info) => report(info) }))
    return express().use('/api', router)
  },
  'Express 4': (report) =>
    express4().use('/api', expressApi.problemDetails({ onError: (_error, info) => report(info) })),
  Koa: (report) => {
    const guard = koaApi.problemDetails({ onError: (_error, info) => report(info) })
    const app = new Koa()
    app.on('error', () => {})
    app.use(async (ctx, next) => {
      ctx.url = ctx.url.replace(/^\/api/, '')
      await guard(ctx, async () => {
        ctx.throw(404)
        await next()
      })
    })
    return app.callback()
  },
}
for (const [name, mounted] of Object.entries(mounts)) {
  it(`${name}: the log hook gets the path as the client sent it, below a mount path`, async () => {
    const infos: ErrorInfo[] = []
    const gateway = await listen(createServer(mounted((info) => infos.push(info))))
    await sendRaw(gateway.port, getLine('/api/orders/7?key=1'))
    await gateway.close()
    assert.deepEqual(
      infos.map(({ path }) => path),
      ['/api/orders/7'],
    )
  })
}
