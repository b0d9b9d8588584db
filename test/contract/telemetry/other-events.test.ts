import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import {
  breakers,
  circuitBreaker,
  clientErrorListener,
  listener,
  problemDetails,
  upgradeListener,
} from 'good-gateway'
import httpProxy from 'http-proxy'
import { rememberCircuits } from '../../support/circuits.js'
import { type Recorded, recordEvents } from '../../support/events.js'
import { sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

const upgrade = [
  'GET /chat HTTP/1.1',
  'Host: gateway',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n')

describe('the events of what is no plain request', () => {
  let release: () => void
  let recorded: Recorded
  let open: Listening[] = []
  beforeEach(() => {
    release = rememberCircuits()
    recorded = recordEvents()
  })
  afterEach(async () => {
    recorded.stop()
    await Promise.all(open.map(({ close }) => close()))
    open = []
    release()
  })

  const started = async (server: ReturnType<typeof createServer>): Promise<Listening> => {
    const listening = await listen(server)
    open.push(listening)
    return listening
  }

  /** A gateway for WebSockets, in front of a target. */
  async function gateway(target: string): Promise<Listening> {
    const proxy = httpProxy.createProxyServer({ target })
    proxy.on('error', () => {})
    const server = createServer()
    const middlewares = [problemDetails(), circuitBreaker({ name: 'chat' })] as const
    server.on(
      'upgrade',
      upgradeListener(...middlewares, (req, socket, head) => proxy.ws(req, socket, head)),
    )
    return started(server)
  }

  async function endOf(target: string) {
    const { port } = await gateway(target)
    await sendRaw(port, upgrade)
    await until(() => recorded.of('request:end').length > 0)
    const [end, ...others] = recorded.of('request:end')
    assert.deepEqual(others, [])
    return end
  }

  it('an upgrade ends with its connection: 101, answered by the upstream', async () => {
    const upstream = createServer()
    upstream.on('upgrade', (_req, socket) => {
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      )
    })
    const { url } = await started(upstream)
    const end = await endOf(url)
    assert.deepEqual([end?.status, end?.by, end?.code], [101, 'upstream', undefined])
    assert.equal(recorded.of('call:end')[0]?.status, 101)
  })

  it('an upgrade that the upstream refuses is its answer', async () => {
    const { url } = await started(createServer((_req, res) => res.writeHead(403).end('no')))
    const end = await endOf(url)
    assert.deepEqual([end?.status, end?.by, end?.code], [403, 'upstream', undefined])
  })

  it('an upgrade that nobody takes is answered by the gateway', async () => {
    const end = await endOf(nobody.url)
    assert.deepEqual([end?.status, end?.by, end?.code], [502, 'gateway', 'upstream_refused'])
  })

  it('what the server refuses by itself is a problem without a request', async () => {
    const server = createServer(listener(problemDetails(), (_req, res) => res.end()))
    server.on('clientError', clientErrorListener())
    const { port } = await started(server)
    await sendRaw(port, 'hello\r\n\r\n')
    const [problem] = recorded.of('problem')
    assert.equal(problem?.code, 'request_malformed')
    assert.equal(problem.exchange, undefined)
    assert.equal(problem.status, 400)
    assert.deepEqual(recorded.of('request:end'), [])
  })

  it('a call of .fire that a circuit refuses is a refusal, with no request', async () => {
    const breaker = circuitBreaker({ name: 'fired' })
    breakers.get('fired')?.open()
    await assert.rejects(breaker.fire(() => 1))
    assert.deepEqual(recorded.of('refusal'), [
      { name: 'fired', key: undefined, code: 'circuit_open' },
    ])
  })
})
