import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { breakers, type ErrorInfo } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { type Faults, startFaults } from '../../../docs/sample-proxy/faults.js'
import { startUpstreams, type Upstreams } from '../../../docs/sample-proxy/upstreams.js'
import { type Recorded, recordEvents } from '../../support/events.js'
import { hosts, type Setup } from '../../support/hosts.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

for (const host of hosts) {
  describe(`${host.name}, the events`, () => {
    const forward = createForward()
    let faults: Faults
    let upstreams: Upstreams
    let recorded: Recorded
    before(async () => {
      faults = await startFaults()
      upstreams = await startUpstreams()
    })
    after(async () => {
      await faults.close()
      await upstreams.close()
    })
    beforeEach(() => (recorded = recordEvents()))
    afterEach(() => recorded.stop())

    const oneEnd = async () => {
      await until(() => recorded.of('request:end').length > 0)
      const [end] = recorded.of('request:end')
      assert.ok(end)
      return end
    }
    const running = async (setup: Setup, work: (port: number) => Promise<void>) => {
      const gateway = await host.start(setup)
      try {
        await work(gateway.port)
      } finally {
        await gateway.close()
      }
    }
    const guarded =
      (name: string, options = {}): Setup['use'] =>
      ({ problemDetails, circuitBreaker, routes }) => [
        problemDetails(options),
        routes({ '/orders/:id': [circuitBreaker({ name: `${name} on ${host.name}` })] }),
      ]

    it('tell of a request that is passed on, of its call, and of what the gateway adds', async () => {
      const handler: Setup['handler'] = (req, res) => forward(req, res, upstreams.url)
      await running({ use: guarded('passed'), handler }, async (port) => {
        await sendRaw(port, getLine('/orders/1?a=b'))
        const end = await oneEnd()
        const [start] = recorded.of('request:start')
        assert.equal(start?.method, 'GET')
        assert.equal(start?.exchange, end.exchange)
        assert.equal(end.route, '/orders/:id')
        assert.equal(end.by, 'upstream')
        assert.equal(end.code, undefined)
        assert.equal(end.upstream, `passed on ${host.name}`)
        assert.ok((end.duration ?? 0) > 0)
        assert.ok(end.overhead !== undefined && end.overhead >= 0 && end.overhead < 1000)
        const [call, ...others] = recorded.of('call:end')
        assert.deepEqual(others, [])
        assert.equal(call?.state, 'complete')
        assert.equal(call.status, end.status)
        assert.equal(call.upstream, end.upstream)
        assert.equal(call.attempt, 1)
        assert.ok((call.times.firstByte ?? NaN) <= call.times.total)
        assert.deepEqual(recorded.of('problem'), [])
      })
    })

    it('tell of a refused connection: the problem, the call and the answer', async () => {
      const infos: ErrorInfo[] = []
      const onError = (_: Error, info: ErrorInfo) => infos.push(info)
      const use = guarded('refused', { onError })
      const handler: Setup['handler'] = (req, res) => forward(req, res, nobody.url)
      await running({ use, handler }, async (port) => {
        await sendRaw(port, getLine('/orders/1?token=quite-a-secret'))
        const end = await oneEnd()
        assert.equal(end.by, 'gateway')
        assert.equal(end.status, 502)
        assert.equal(end.code, 'upstream_refused')
        assert.equal(end.overhead, undefined)
        const [problem, ...others] = recorded.of('problem')
        assert.deepEqual(others, [])
        const [info] = infos
        assert.equal(problem?.code, 'upstream_refused')
        assert.equal(problem.requestId, info?.requestId)
        assert.equal(problem.route, '/orders/:id')
        assert.equal(problem.path, '/orders/1')
        assert.equal(problem.retryable, true)
        assert.equal(problem.cause, 'dependency')
        assert.deepEqual(problem.error, info?.error)
        assert.equal(problem.afterHead, false)
        const { exchange: _, ...fields } = problem
        assert.doesNotMatch(JSON.stringify(fields), /quite-a-secret/)
        assert.equal(recorded.of('call:end')[0]?.code, 'upstream_refused')
        assert.equal(recorded.of('call:end')[0]?.state, 'failed')
      })
    })

    it('tell that a body has broken off after the head', async () => {
      const target = faults.target('truncated-chunked')
      const handler: Setup['handler'] = (req, res) => forward(req, res, target)
      await running({ use: guarded('broken'), handler }, async (port) => {
        await sendRaw(port, getLine('/orders/1'))
        const end = await oneEnd()
        assert.equal(end.by, 'upstream')
        assert.equal(end.status, 200)
        assert.equal(end.code, 'upstream_response_incomplete')
        assert.equal(recorded.of('problem')[0]?.afterHead, true)
      })
    })

    it('tell of a client that leaves: 499, answered by nobody, its call aborted', async () => {
      const handler: Setup['handler'] = (req, res) => forward(req, res, faults.target('hang'))
      await running({ use: guarded('left'), handler }, async (port) => {
        const seen = faults.seen('hang').requests
        const socket = connect(port, '127.0.0.1', () => socket.write(getLine('/orders/1')))
        await faults.seen('hang').until('requests', seen + 1)
        socket.destroy()
        const end = await oneEnd()
        assert.equal(end.by, 'nobody')
        assert.equal(end.status, 499)
        assert.equal(end.code, 'client_closed_request')
        assert.equal(recorded.of('problem')[0]?.status, 499)
        assert.equal(recorded.of('call:end')[0]?.state, 'aborted')
        assert.equal(recorded.of('call:end')[0]?.code, 'client_closed_request')
      })
    })

    it('tell of an open circuit: its state, the refusal and the answer', async () => {
      const name = `open on ${host.name}`
      const handler: Setup['handler'] = (_req, res) => res.end('ok')
      await running({ use: guarded('open'), handler }, async (port) => {
        breakers.get(name)?.open()
        await sendRaw(port, getLine('/orders/1'))
        breakers.get(name)?.close()
        const end = await oneEnd()
        assert.equal(end.by, 'gateway')
        assert.equal(end.code, 'circuit_open')
        const at = { name, key: undefined, reason: 'by_hand' }
        assert.deepEqual(recorded.of('circuit'), [
          { ...at, from: 'closed', to: 'held' },
          { ...at, from: 'held', to: 'closed' },
        ])
        assert.deepEqual(recorded.of('refusal'), [{ name, key: undefined, code: 'circuit_open' }])
      })
    })

    it('tell of the application’s own answers, and of a route that nobody knows', async () => {
      const handler: Setup['handler'] = (_req, res) => res.writeHead(404).end('none')
      await running({ use: guarded('own'), handler }, async (port) => {
        await sendRaw(port, getLine('/other'))
        const end = await oneEnd()
        assert.equal(end.by, 'application')
        assert.equal(end.status, 404)
        assert.equal(end.route, undefined)
        assert.equal(end.code, undefined)
      })
    })

    it('tell of a fallback by the failure that it stands for', async () => {
      const use: Setup['use'] = ({ problemDetails, circuitBreaker }) => [
        problemDetails(),
        circuitBreaker({
          name: `fallback on ${host.name}`,
          fallback: ({ res }) => void res.end('from the cache'),
        }),
      ]
      const handler: Setup['handler'] = (req, res) => forward(req, res, nobody.url)
      await running({ use, handler }, async (port) => {
        await sendRaw(port, getLine('/'))
        const end = await oneEnd()
        assert.equal(end.by, 'application')
        assert.equal(end.status, 200)
        assert.equal(end.fallback, 'upstream_refused')
        assert.equal(recorded.of('request:end').length, 1)
        assert.deepEqual(recorded.of('problem'), [])
      })
    })

    it('tell that a fallback passes on the answer of another upstream', async () => {
      const use: Setup['use'] = ({ problemDetails, circuitBreaker }) => [
        problemDetails(),
        circuitBreaker({
          name: `second on ${host.name}`,
          fallback: ({ req, res }) => {
            req.url = '/orders/1'
            forward(req, res, upstreams.url)
          },
        }),
      ]
      const handler: Setup['handler'] = (req, res) => forward(req, res, nobody.url)
      await running({ use, handler }, async (port) => {
        await sendRaw(port, getLine('/'))
        const end = await oneEnd()
        assert.deepEqual([end.by, end.status, end.fallback], ['upstream', 200, 'upstream_refused'])
        assert.ok(end.overhead !== undefined && end.overhead >= 0)
        const calls = recorded.of('call:end').map(({ state, upstream }) => [state, upstream])
        const name = `second on ${host.name}`
        assert.deepEqual(calls, [
          ['failed', name],
          ['complete', name],
        ])
      })
    })

    it('tell of what a middleware refuses without problemDetails', async () => {
      const use: Setup['use'] = ({ validate }) => [validate({ query: { required: ['q'] } })]
      const handler: Setup['handler'] = (_req, res) => res.end('ok')
      await running({ use, handler }, async (port) => {
        await sendRaw(port, getLine('/'))
        const end = await oneEnd()
        assert.equal(end.status, 400)
        assert.equal(end.code, 'request_invalid')
        assert.equal(end.by, 'gateway')
        const [problem, ...others] = recorded.of('problem')
        assert.equal(problem?.code, 'request_invalid')
        assert.equal(problem.requestId, undefined)
        assert.deepEqual(others, [])
      })
    })

    it('tell of a deadline without problemDetails, and of a client that leaves', async () => {
      const use: Setup['use'] = ({ circuitBreaker }) => [
        circuitBreaker({ name: `alone in events on ${host.name}`, timeout: 50 }),
      ]
      const handler: Setup['handler'] = (req, res) => forward(req, res, faults.target('hang'))
      await running({ use, handler }, async (port) => {
        await sendRaw(port, getLine('/'))
        const end = await oneEnd()
        assert.equal(end.code, 'upstream_timeout')
        assert.equal(end.by, 'gateway')
        assert.deepEqual(
          recorded.of('problem').map(({ code }) => code),
          ['upstream_timeout'],
        )
        const seen = faults.seen('hang').requests
        const socket = connect(port, '127.0.0.1', () => socket.write(getLine('/')))
        await faults.seen('hang').until('requests', seen + 1)
        socket.destroy()
        await until(() => recorded.of('request:end').length === 2)
        assert.equal(recorded.of('request:end')[1]?.code, 'client_closed_request')
        assert.equal(recorded.of('problem')[1]?.code, 'client_closed_request')
      })
    })

    it('tell what validate only reports as reported', async () => {
      const use: Setup['use'] = ({ problemDetails, validate }) => [
        problemDetails(),
        validate({ query: { required: ['q'] } }, { mode: 'report' }),
      ]
      const handler: Setup['handler'] = (_req, res) => res.end('ok')
      await running({ use, handler }, async (port) => {
        await sendRaw(port, getLine('/'))
        const end = await oneEnd()
        assert.equal(end.status, 200)
        assert.equal(end.code, undefined)
        assert.equal(recorded.of('problem')[0]?.reported, true)
      })
    })

    it('tell of the end of a request that began before', async () => {
      recorded.stop()
      const handler: Setup['handler'] = (_req, res) => {
        recorded = recordEvents()
        res.end('ok')
      }
      await running({ use: guarded('before'), handler }, async (port) => {
        await sendRaw(port, getLine('/orders/1'))
        const end = await oneEnd()
        assert.equal(end.status, 200)
        assert.deepEqual(recorded.of('request:start'), [])
      })
    })
  })
}
