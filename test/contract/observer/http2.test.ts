import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer as createHttp2,
} from 'node:http2'
import Koa from 'koa'
import { listener, problemDetails, validate } from 'good-gateway'
import * as koaApi from 'good-gateway/koa'
import { startFaults, type Faults } from '../../../docs/sample-proxy/faults.js'
import type { ExtraFault, FaultName } from '../../../docs/sample-proxy/fault-table.js'
import { type Listening, listen } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** A gateway as people write it by hand; Express and http-proxy do not speak HTTP/2. */
const proxy =
  (faults: Faults): Handler =>
  async ({ url = '', method = 'GET', headers }, res) => {
    const answer = await fetch(faults.target(url.slice(1) as FaultName | ExtraFault), {
      method,
      headers: { 'content-type': String(headers['content-type'] ?? '') },
    })
    res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    for await (const chunk of answer.body ?? []) res.write(chunk)
    res.end()
  }

type Serve = (handler: Handler) => Promise<Listening>
const schema = { body: { type: 'object' } }

const servers: Record<string, Serve> = {
  'node:http2': (handler) => {
    const listen2 = listener(problemDetails(), validate(schema), handler)
    return listen(createHttp2((req, res) => listen2(req as never, res as never)))
  },
  'Koa over node:http2': (handler) => {
    const app = new Koa().use(koaApi.problemDetails()).use(koaApi.validate(schema))
    app.silent = true
    app.use(async (ctx) => {
      ctx.respond = false
      ctx.res.statusCode = 200
      await handler(ctx.req, ctx.res)
    })
    const callback = app.callback()
    return listen(createHttp2((req, res) => void callback(req as never, res as never)))
  },
}

for (const [name, serve] of Object.entries(servers)) {
  describe(`${name}, the compatibility API of HTTP/2`, () => {
    let faults: Faults
    let gateway: Listening
    let session: ClientHttp2Session

    before(async () => {
      faults = await startFaults()
      gateway = await serve(proxy(faults))
      session = connect(gateway.url)
    })

    after(async () => {
      session.destroy()
      await gateway.close()
      await faults.close()
    })

    async function ask(path: string, body?: string) {
      const stream = session.request({
        ':path': path,
        ':method': body === undefined ? 'GET' : 'POST',
        'content-type': 'application/json',
      })
      stream.end(body)
      stream.on('error', () => {})
      // once() would fail with the error of a stream that was reset.
      const closed = new Promise((resolve) => stream.once('close', resolve))
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
      let text = ''
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      await closed
      return { status: headers[':status'], text, headers, reset: stream.rstCode }
    }
    const codeOf = (text: string) => (JSON.parse(text) as { code: string }).code

    it('answers a failed call', async () => {
      const { status, text, reset } = await ask('/refused')
      assert.deepEqual([status, codeOf(text), reset], [502, 'upstream_refused', 0])
    })

    it("passes the upstream's own error", async () => {
      const { status, text, headers } = await ask('/500')
      assert.match(text, /^\{"error":"stock_failed"/)
      assert.deepEqual([status, headers['proxy-status']], [500, undefined])
    })

    it('resets the stream of a response that breaks', async () => {
      const { status, text, reset } = await ask('/rst')
      assert.deepEqual([status, reset], [200, constants.NGHTTP2_INTERNAL_ERROR])
      assert.equal(text, '{"orders":[{"id":"1","customer":"Ada"},')
    })

    it('checks a body', async () => {
      const { status, text } = await ask('/404', '[]')
      assert.deepEqual([status, codeOf(text)], [400, 'request_invalid'])
    })

    it('notices a client that leaves while the upstream is silent', async () => {
      const witness = faults.seen('hang')
      const { requests, aborted } = witness
      const json = { 'content-type': 'application/json' }
      const stream = session.request({ ':path': '/hang', ':method': 'POST', ...json })
      stream.end('{}')
      stream.on('error', () => {})
      await witness.until('requests', requests + 1)
      stream.close(constants.NGHTTP2_CANCEL)
      await witness.until('aborted', aborted + 1)
    })

    it('sends a problem as the last event of a stream, and resets the stream', async () => {
      const { text, reset } = await ask('/truncated-sse')
      assert.match(text, /\n\nevent: error\ndata: .*"code":"upstream_response_incomplete"/)
      assert.equal(reset, constants.NGHTTP2_INTERNAL_ERROR)
    })
  })
}
