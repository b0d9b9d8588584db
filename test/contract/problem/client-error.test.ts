import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  type ClientErrorOptions,
  clientErrorListener,
  type ErrorInfo,
  listener,
  problemDetails,
} from 'good-gateway'
import { checkSchema, fieldOf, proxyStatusIn } from '../../support/problem.js'
import { type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

describe('what the server refuses by itself', () => {
  let infos: ErrorInfo[] = []
  let gateway: Listening
  afterEach(() => gateway.close())

  async function start(options: ClientErrorOptions = {}, times: object = {}): Promise<Server> {
    infos = []
    const onError = (_error: Error, info: ErrorInfo) => void infos.push(info)
    const handler = listener(problemDetails({ onError }), async (req, res) => {
      res.end(await text(req))
    })
    const server = createServer(times, handler)
    server.on('clientError', clientErrorListener({ onError, ...options }))
    gateway = await listen(server)
    return server
  }

  function problemIn({ head, body, status }: Received) {
    const problem: unknown = JSON.parse(body)
    checkSchema(problem)
    assert.equal(problem.status, status)
    assert.equal(fieldOf(head, 'content-length'), String(body.length))
    assert.equal(fieldOf(head, 'connection'), 'close')
    assert.equal(fieldOf(head, 'x-request-id'), problem.request_id)
    assert.equal(proxyStatusIn(head)[0]?.parameters['error'], 'http_request_error')
    return problem
  }

  const huge = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`
  for (const [what, bytes, status, code] of [
    ['what is no HTTP', 'hello\r\n\r\n', 400, 'request_malformed'],
    ['a field that is too large', huge, 431, 'request_rejected'],
    ['an unknown method', 'FOO / HTTP/1.1\r\n\r\n', 400, 'request_malformed'],
  ] as const)
    it(`gets the standard body: ${what}`, async () => {
      await start()
      const received = await sendRaw(gateway.port, bytes)
      const problem = problemIn(received)
      assert.deepEqual([received.status, problem.code, received.reset], [status, code, false])
      assert.equal(problem.type, `urn:problem-type:good-gateway:${code}`)
      assert.deepEqual([infos.length, infos[0]?.requestId], [1, problem.request_id])
    })

  it('gets a 408 for a head that does not arrive in time', async () => {
    await start({}, { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 })
    const received = await sendRaw(gateway.port, 'GET / HTTP/1.1\r\n')
    assert.equal(problemIn(received).code, 'request_timeout')
  })

  it('reaches the problemDetails of a request whose body is the fault, once', async () => {
    await start()
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    const received = await sendRaw(gateway.port, head, 'zz\r\n')
    assert.deepEqual([received.status, infos.map(({ path }) => path)], [400, ['/']])
  })

  it('has the name, the type, the format and the id that were asked for', async () => {
    await start({
      name: 'edge',
      typeBase: 'https://errors.example/',
      format: 'openai',
      requestId: () => 'id-1',
    })
    const { head, body } = await sendRaw(gateway.port, 'x\r\n\r\n')
    assert.equal(proxyStatusIn(head)[0]?.name, 'edge')
    assert.equal(fieldOf(head, 'x-request-id'), 'id-1')
    assert.equal((JSON.parse(body) as { error: { code: string } }).error.code, 'request_malformed')
    assert.equal(infos[0]?.problem.type, 'https://errors.example/request_malformed')
  })

  it('says nothing to a client that has reset its connection, and into no other answer', async () => {
    const server = await start()
    server.removeAllListeners('request')
    server.on('request', (_req, res) => void res.write('begun'))
    const client = connect(gateway.port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    let received = ''
    client.setEncoding('latin1').on('data', (part: string) => (received += part))
    client.on('error', () => {})
    await until(() => received.includes('begun'))
    client.write('rubbish\r\n\r\n')
    await until(() => gateway.connections() === 0)
    assert.doesNotMatch(received, /problem/)
    assert.equal(infos.length, 0)
  })

  it('does not end the process where the log hook throws', async () => {
    await start({
      onError: () => {
        throw new Error('no disk')
      },
    })
    assert.equal((await sendRaw(gateway.port, 'x\r\n\r\n')).status, 400)
  })

  it('refuses an option that it does not have', () => {
    assert.throws(() => clientErrorListener({ expose: 'full' } as never), /clientErrorListener/)
  })
})
