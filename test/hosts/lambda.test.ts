import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, ServerResponse } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import { circuitBreaker, problemDetails, routes, validate } from 'good-gateway/express'
import { breakers } from 'good-gateway'
import httpProxy from 'http-proxy'
import serverless from 'serverless-http'
import { compile, createProject, examplesIn } from '../support/documents.js'
import { type Listening, listen, nobody } from '../support/servers.js'

interface Answer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
  readonly isBase64Encoded: boolean
}
type Handler = (event: object, context: object) => Promise<Answer>
type Event = Record<string, unknown>

const BODY = '{ "item": 12345678901234567890 }'

/** Events in the form that Amazon documents for each kind of front. */
const events = Object.fromEntries(
  ['rest', 'http', 'load-balancer'].map((name) => {
    const file = join(import.meta.dirname, 'events', `${name}.json`)
    return [name, () => JSON.parse(readFileSync(file, 'utf8')) as Event] as const
  }),
)

const withBody = (event: Event, body: string): Event => ({
  ...event,
  body,
  isBase64Encoded: false,
  headers: { ...(event.headers as object), 'content-length': String(body.length) },
})

function withPath(event: Event, path: string): Event {
  const { http, ...context } = event.requestContext as { http?: object }
  return {
    ...event,
    path,
    rawPath: path,
    requestContext: { ...context, ...(http && { http: { ...http, path } }) },
  }
}

/** Gives back what it gets, in the way that the path asks for. */
const upstream = createServer((req, res) => {
  if (req.url?.startsWith('/hangs')) return
  if (req.url?.startsWith('/breaks')) {
    res.writeHead(200, { 'Content-Length': 100 }).write('half', () => res.destroy())
  } else if (req.url?.startsWith('/own')) res.writeHead(503, { 'X-Own': 'yes' }).end('busy')
  else if (req.url?.startsWith('/image')) {
    res.writeHead(200, { 'Content-Type': 'image/png' }).end(Buffer.from([0, 255, 1]))
  } else req.pipe(res.setHeader('X-Seen', `${req.method} ${req.url} ${req.headers.cookie ?? ''}`))
})

let made = 0

/** The gateway of the guide, and the same in Express. */
const gateways: Readonly<Record<string, (target: string, project: string) => Promise<Handler>>> = {
  'Koa, as in the guide': async (target, project) => {
    const [example] = examplesIn('docs/guide/amazon.md')
    const code = (example?.code ?? '')
      .replaceAll('http://127.0.0.1:4000', target)
      .replace('29_000', '1300')
      .replace('serverless(app)', "serverless(app, { binary: ['image/*'] })")
    const name = `lambda-${++made}`
    const file = compile(project, name, code)
    const { handler } = (await import(join(project, `${file}.js`))) as { handler: Handler }
    return handler
  },
  Express: (target) => {
    const proxy = httpProxy.createProxyServer({ target })
    proxy.on('error', (_error, _req, res) => {
      if (res instanceof ServerResponse) res.writeHead(500).end()
    })
    proxy.on('proxyRes', ({ headers }) => delete headers['transfer-encoding'])
    const app = express()
    app.use(problemDetails({ format: 'aws' }))
    app.use(routes({ 'POST /orders': validate({ body: { type: 'object', required: ['item'] } }) }))
    app.use(circuitBreaker({ name: 'orders', totalTimeout: 300 }))
    app.use((req, res) => proxy.web(req, res))
    return Promise.resolve(serverless(app, { binary: ['image/*'] }) as Handler)
  },
}

for (const [gateway, create] of Object.entries(gateways)) {
  describe(`${gateway}, in a Lambda function`, () => {
    let origin: Listening
    let project: string
    let handler: Handler
    before(async () => {
      project = createProject()
      origin = await listen(upstream)
    })
    after(async () => {
      await origin.close()
      rmSync(project, { recursive: true })
      breakers.releaseAll()
    })

    for (const [kind, read] of Object.entries(events)) {
      describe(`behind ${kind}`, () => {
        before(async () => {
          breakers.releaseAll()
          handler = await create(origin.url, project)
        })
        const type = ({ headers }: Answer) => headers['x-amzn-errortype']

        it('checks a body and sends its bytes on', async () => {
          const { statusCode, headers, body } = await handler(read(), {})
          assert.deepEqual([statusCode, body], [200, BODY])
          assert.match(headers['x-seen'] ?? '', /^POST \/orders\?page=2/)
        })

        it('refuses a body that does not match, in the format of Amazon', async () => {
          const answer = await handler(withBody(read(), '{}'), {})
          assert.deepEqual([answer.statusCode, type(answer)], [400, 'request_invalid'])
          assert.deepEqual(Object.keys(JSON.parse(answer.body) as object), ['message'])
        })

        it('gives the id of the event, where it has one', async () => {
          const { headers } = await handler(withBody(read(), '{}'), {})
          const { requestId } = read().requestContext as { requestId?: string }
          if (requestId === undefined)
            assert.match(headers['x-request-id'] ?? '', /^[0-9a-f-]{36}$/)
          else assert.equal(headers['x-request-id'], requestId)
        })

        it('ends a call before the function would end', async () => {
          const answer = await handler(withPath(read(), '/hangs'), {})
          assert.deepEqual([answer.statusCode, type(answer)], [504, 'upstream_timeout'])
        })

        it('passes the upstream’s own error, and bytes in base64', async () => {
          const own = await handler(withPath(read(), '/own'), {})
          assert.deepEqual([own.statusCode, own.body, own.headers['x-own']], [503, 'busy', 'yes'])
          const image = await handler(withPath(read(), '/image'), {})
          assert.deepEqual([image.isBase64Encoded, image.body], [true, 'AP8B'])
        })

        it('rejects where a body breaks off, and does not hang', async () => {
          await assert.rejects(handler(withPath(read(), '/breaks'), {}), /broken off/)
        })
      })
    }

    it('knows why the upstream does not answer', async () => {
      breakers.releaseAll()
      const dead = await create(nobody.url, project)
      const { statusCode, headers } = await dead(events.rest?.() ?? {}, {})
      assert.deepEqual([statusCode, headers['x-amzn-errortype']], [502, 'upstream_refused'])
    })
  })
}
