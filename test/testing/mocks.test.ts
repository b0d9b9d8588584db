import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import {
  type AnyConnectMiddleware,
  breakers,
  circuitBreaker,
  listener,
  problemDetails,
} from 'good-gateway'
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import nock from 'nock'
import { fetch as undiciFetch, MockAgent } from 'undici'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen } from '../support/servers.js'

// An import of nock puts it between all calls of the process.
nock.restore()

const ORIGIN = 'http://orders.example'
type Proxy = (req: IncomingMessage, res: ServerResponse) => unknown

const byHttp: Proxy = (_req, res) => {
  request(`${ORIGIN}/orders`, (answer) => {
    res.writeHead(answer.statusCode ?? 0, { 'Content-Type': 'text/plain' })
    answer.pipe(res)
  })
    .on('error', () => res.writeHead(500).end())
    .end()
}
const byFetch: Proxy = async (_req, res) => {
  const answer = await fetch(`${ORIGIN}/orders`)
  res.writeHead(answer.status).end(await answer.text())
}

/** The status and code that a client gets, and what the circuit has counted. */
async function ask(proxy: Proxy) {
  const circuit = circuitBreaker({ name: 'mocked', timeout: 200, volumeThreshold: 1000 })
  const guards: AnyConnectMiddleware[] = [problemDetails(), circuit]
  const gateway = await listen(createServer(listener(...guards, proxy)))
  try {
    const { status, body } = await sendRaw(gateway.port, getLine('/orders'))
    const { failures } = circuit.breaker.stats
    return [status, /"code":"(\w+)"/.exec(body)?.[1] ?? 'passed', failures]
  } finally {
    await gateway.close()
    breakers.releaseAll()
  }
}

const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

describe('a mock behind a gateway, as the guide says of it', () => {
  let silence: typeof console.error
  // A defect of the application is printed; here it is a mock's error without a code.
  before(() => {
    silence = console.error
    console.error = () => {}
  })
  after(() => (console.error = silence))

  describe('nock', () => {
    before(() => {
      nock.activate()
      nock.enableNetConnect('127.0.0.1')
    })
    afterEach(() => nock.cleanAll())
    after(() => nock.restore())

    const mock = () => nock(ORIGIN).get('/orders')
    for (const [name, proxy, counted] of [
      ['node:http', byHttp, 1],
      ['fetch', byFetch, 0],
    ] as const) {
      it(`over ${name}: answers pass, errors with a code are real`, async () => {
        mock().reply(200, 'good')
        assert.deepEqual(await ask(proxy), [200, 'passed', 0])
        mock().reply(500, 'its own')
        assert.deepEqual(await ask(proxy), [500, 'passed', counted])
        mock().replyWithError(refused())
        assert.deepEqual(await ask(proxy), [502, 'upstream_refused', counted])
        mock().delay(1000).reply(200, 'late')
        assert.deepEqual((await ask(proxy)).slice(0, 2), [504, 'upstream_timeout'])
        nock.abortPendingRequests()
      })
    }

    it('errors without a code are upstream_error over node:http, and gateway_error over fetch', async () => {
      mock().replyWithError('boom')
      assert.deepEqual(await ask(byHttp), [502, 'upstream_error', 1])
      mock().replyWithError('boom')
      assert.deepEqual(await ask(byFetch), [500, 'gateway_error', 0])
    })
  })

  describe('msw', () => {
    const server = setupServer()
    before(() => server.listen({ onUnhandledRequest: 'bypass' }))
    afterEach(() => server.resetHandlers())
    after(() => server.close())

    for (const [name, proxy, counted] of [
      ['node:http', byHttp, 1],
      ['fetch', byFetch, 0],
    ] as const) {
      it(`over ${name}: answers pass, HttpResponse.error() is upstream_error`, async () => {
        server.use(http.get(`${ORIGIN}/orders`, () => HttpResponse.text('good')))
        assert.deepEqual(await ask(proxy), [200, 'passed', 0])
        server.use(http.get(`${ORIGIN}/orders`, () => HttpResponse.text('own', { status: 500 })))
        assert.deepEqual(await ask(proxy), [500, 'passed', counted])
        server.use(http.get(`${ORIGIN}/orders`, () => HttpResponse.error()))
        assert.deepEqual(await ask(proxy), [502, 'upstream_error', counted])
      })
    }
  })

  it('MockAgent: answers pass, errors with a code are real, and nothing is counted', async () => {
    const dispatcher = new MockAgent()
    const mock = dispatcher.get(ORIGIN)
    const proxy: Proxy = async (_req, res) => {
      const answer = await undiciFetch(`${ORIGIN}/orders`, { dispatcher })
      res.writeHead(answer.status).end(await answer.text())
    }
    mock.intercept({ path: '/orders' }).reply(500, 'its own')
    assert.deepEqual(await ask(proxy), [500, 'passed', 0])
    mock.intercept({ path: '/orders' }).replyWithError(refused())
    assert.deepEqual(await ask(proxy), [502, 'upstream_refused', 0])
    mock.intercept({ path: '/orders' }).replyWithError(new Error('boom'))
    assert.deepEqual(await ask(proxy), [500, 'gateway_error', 0])
    await dispatcher.close()
  })
})
