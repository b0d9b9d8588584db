import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { startUpstreams, type Upstreams } from '../../docs/sample-proxy/upstreams.js'

const JSON_TYPE = { 'Content-Type': 'application/json' }
const ORDER = '{"customer":"Ada",  "items":[{"sku":"t\\u0065a","qty":12345678901234567890}]}'
const CHAT = { model: 'sample', messages: [{ role: 'user', content: 'Hello' }] }

describe('the embedded upstreams', () => {
  let upstreams: Upstreams

  before(async () => {
    upstreams = await startUpstreams()
  })
  after(() => upstreams.close())

  const ask = (path: string, init?: RequestInit) => fetch(upstreams.url + path, init)
  const post = (path: string, body: string | Buffer, headers = {}) =>
    ask(path, { method: 'POST', body, headers: { ...JSON_TYPE, ...headers } })

  describe('orders', () => {
    it('serve the orders 1 to 3', async () => {
      for (const id of ['1', '2', '3']) {
        const response = await ask(`/orders/${id}`)
        const order = await json(response)
        assert.equal(response.status, 200)
        assert.equal(order['id'], id)
        assert.equal(typeof order['customer'], 'string')
        assert.ok(Array.isArray(order['items']))
      }
    })

    it('answer HEAD like GET, without a body', async () => {
      const response = await ask('/orders/1', { method: 'HEAD' })
      assert.equal(response.status, 200)
      assert.equal(await response.text(), '')
    })

    it('answer 404 with JSON of their own to another id', async () => {
      const response = await ask('/orders/4711')
      assert.equal(response.status, 404)
      const { error, message } = await json(response)
      assert.deepEqual([error, message], ['no_such_order', 'Orders 1 to 3 exist.'])
    })

    it('create an order, give its Location, and describe the bytes that arrived', async () => {
      const response = await post('/orders', ORDER)
      assert.equal(response.status, 201)
      const created = await json(response)
      assert.equal(created['customer'], 'Ada')
      assert.deepEqual(created['received'], receipt(ORDER))
      const location = response.headers.get('location')
      assert.equal(location, `/orders/${String(created['id'])}`)
      assert.equal((await json(await ask(location)))['customer'], 'Ada')
    })

    it('read a compressed order, and describe the bytes as they came', async () => {
      const compress = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }
      for (const [encoding, pack] of Object.entries(compress)) {
        const bytes = pack(ORDER)
        const response = await post('/orders', bytes, { 'Content-Encoding': encoding })
        const created = await json(response)
        assert.deepEqual([response.status, created['customer']], [201, 'Ada'], encoding)
        assert.deepEqual(created['received'], receipt(bytes))
      }
    })

    it('keep their own three and the last fifty of others', async () => {
      const first = (await post('/orders', '{}')).headers.get('location') ?? ''
      for (let count = 0; count < 49; count += 1) await post('/orders', '{}')
      assert.equal((await ask(first)).status, 200)
      await post('/orders', '{}')
      assert.equal((await ask(first)).status, 404)
      assert.equal((await ask('/orders/1')).status, 200)
    })

    it('refuse what is not a JSON object with an error of their own', async () => {
      for (const body of ['', '{"customer":', '[]', 'null']) {
        const response = await post('/orders', body)
        assert.deepEqual([response.status, (await json(response))['error']], [400, 'no_json'], body)
      }
    })

    it('refuse more than 1 MB with an error of their own', async () => {
      const response = await post('/orders', Buffer.alloc(1024 * 1024 + 1, ' '))
      assert.deepEqual([response.status, (await json(response))['error']], [413, 'too_large'])
    })
  })

  describe('webhooks', () => {
    it('are answered with 202, with the event, the bytes and a number per delivery', async () => {
      const first = await json(await post('/hooks/push', '{"ref":"main"}'))
      const response = await post('/hooks/ping', ORDER)
      assert.equal(response.status, 202)
      const delivery = Number(first['delivery']) + 1
      assert.deepEqual(await json(response), { event: 'ping', delivery, ...receipt(ORDER) })
    })

    it('may be as large as GitHub sends them', async () => {
      const body = Buffer.alloc(2 * 1024 * 1024, 'x')
      assert.equal((await json(await post('/hooks/push', body)))['bytes'], body.length)
    })
  })

  describe('chat completions', () => {
    it('come in one piece', async () => {
      const response = await post('/v1/chat/completions', JSON.stringify(CHAT))
      const { object, model, choices } = await json(response)
      assert.deepEqual([response.status, object, model], [200, 'chat.completion', 'sample'])
      assert.match(contentOf(choices, 'message'), /^A gateway fails well when .* again\.$/)
    })

    it('come word by word as server-sent events that end in [DONE], the same text', async () => {
      const whole = await json(await post('/v1/chat/completions', JSON.stringify(CHAT)))
      const body = JSON.stringify({ ...CHAT, stream: true })
      const response = await post('/v1/chat/completions', body)
      assert.equal(response.headers.get('content-type'), 'text/event-stream')
      const events = (await response.text()).split('\n\n')
      assert.deepEqual(events.slice(-2), ['data: [DONE]', ''])
      const chunks = events.slice(0, -2).map((event) => parse(event.replace(/^data: /, '')))
      assert.ok(chunks.length > 5)
      assert.ok(chunks.every(({ object }) => object === 'chat.completion.chunk'))
      const text = chunks.map(({ choices }) => contentOf(choices, 'delta')).join('')
      assert.equal(text, contentOf(whole['choices'], 'message'))
    })

    it('stop when the client leaves a stream', async () => {
      const { aborted } = upstreams.seen
      const call = request(`${upstreams.url}/v1/chat/completions`, { method: 'POST' })
      call.end(JSON.stringify({ ...CHAT, stream: true }))
      const [response] = await once(call, 'response')
      await once(response, 'data')
      const timers = process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length
      call.destroy()
      await upstreams.seen.until('aborted', aborted + 1)
      const left = process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length
      assert.ok(left < timers, `${timers} timers before, ${left} after`)
    })

    it('answer 400 in the form of OpenAI without a model or messages', async () => {
      for (const body of ['{"model":"sample"}', '{"messages":[]}', '[', 'null']) {
        const response = await post('/v1/chat/completions', body)
        assert.equal(response.status, 400)
        const { error } = await json(response)
        assert.ok(isRecord(error))
        assert.equal(error['type'], 'invalid_request_error')
      }
    })
  })

  it('answer 404 to another path and 405 to another method, with JSON', async () => {
    const nowhere = await ask('/nowhere')
    assert.deepEqual([nowhere.status, (await json(nowhere))['error']], [404, 'no_such_path'])
    const deleted = await ask('/orders/1', { method: 'DELETE' })
    assert.deepEqual([deleted.status, (await json(deleted))['error']], [405, 'no_such_method'])
    assert.equal(deleted.headers.get('allow'), 'GET, HEAD')
  })

  it('close with a stream still running', async () => {
    const other = await startUpstreams()
    const body = JSON.stringify({ ...CHAT, stream: true })
    const call = request(`${other.url}/v1/chat/completions`, { method: 'POST' }).end(body)
    const [response] = await once(call, 'response')
    response.resume()
    await Promise.all([once(response, 'error'), other.close()])
    await assert.rejects(fetch(other.url))
  })
})

function receipt(bytes: string | Buffer) {
  return {
    bytes: Buffer.byteLength(bytes),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
}

async function json(response: Response): Promise<Record<string, unknown>> {
  assert.equal(response.headers.get('content-type'), 'application/json')
  return parse(await response.text())
}

function parse(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  assert.ok(isRecord(value), text)
  return value
}

function contentOf(choices: unknown, part: 'message' | 'delta'): string {
  assert.ok(Array.isArray(choices) && isRecord(choices[0]))
  const message = choices[0][part]
  assert.ok(isRecord(message))
  return String(message['content'] ?? '')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
