import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import * as platformatic from '@platformatic/prom-client'
import { breakers, circuitBreaker, listener, problemDetails, routes, validate } from 'good-gateway'
import { prometheus, type PrometheusMetrics, type PrometheusOptions } from 'good-gateway/prometheus'
import * as promClient from 'prom-client'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { type Upstreams, startUpstreams } from '../../docs/sample-proxy/upstreams.js'
import { rememberCircuits } from '../support/circuits.js'
import { linesOf, valuesOf } from '../support/exposition.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { type Listening, listen, nobody } from '../support/servers.js'
import { until } from '../support/until.js'

/** The families and labels of the page about operations. */
const FAMILIES: Readonly<Record<string, readonly [type: string, labels: string]>> = {
  requests_total: ['counter', 'method route status code by'],
  request_duration_seconds: ['histogram', 'route by'],
  overhead_seconds: ['histogram', 'route'],
  requests_active: ['gauge', 'upstream'],
  upstream_requests_total: ['counter', 'upstream status code'],
  upstream_connect_seconds: ['histogram', 'upstream'],
  upstream_first_byte_seconds: ['histogram', 'upstream'],
  upstream_duration_seconds: ['histogram', 'upstream'],
  circuit_state: ['gauge', 'circuit state'],
  circuit_transitions_total: ['counter', 'circuit to'],
  circuit_refusals_total: ['counter', 'circuit code'],
  fallbacks_total: ['counter', 'circuit code'],
  retries_total: ['counter', 'upstream'],
  reports_total: ['counter', 'route code'],
  fleet_connected: ['gauge', 'fleet'],
  fleet_messages_total: ['counter', 'fleet result'],
  info: ['gauge', 'version'],
}

const forward = createForward()

describe('prometheus', () => {
  let upstreams: Upstreams
  let gateway: Listening
  let metrics: PrometheusMetrics | undefined
  const name = 'counted'

  let release: () => void
  before(async () => {
    release = rememberCircuits()
    upstreams = await startUpstreams()
    const breaker = circuitBreaker({ name })
    gateway = await listen(
      createServer(
        listener(
          problemDetails(),
          routes({
            'GET /orders/:id': breaker,
            'GET /gone/:id': circuitBreaker({ name: 'gone' }),
            'GET /cached': circuitBreaker({
              name: 'cached',
              fallback: ({ res }) => void res.end('kept'),
            }),
            'GET /checked': validate({ query: { required: ['q'] } }, { mode: 'report' }),
          }),
          (req, res) => {
            if (req.url === '/checked' || req.method === 'BREW') return res.end('ok')
            const isHere = req.url?.startsWith('/orders')
            forward(req, res, isHere ? upstreams.url : nobody.url)
          },
        ),
      ),
    )
  })
  after(async () => {
    await gateway.close()
    await upstreams.close()
    release()
  })
  afterEach(() => {
    metrics?.stop()
    metrics = undefined
  })

  const begin = (options?: PrometheusOptions) => (metrics = prometheus(options))
  const ask = (path: string) => sendRaw(gateway.port, getLine(path))
  const total = (text: string, labels = {}) =>
    valuesOf(text, 'good_gateway_requests_total', labels).reduce((sum, value) => sum + value, 0)
  const counted = async (requests: number) => {
    await until(() => total(metrics?.text() ?? '') >= requests)
    return metrics?.text() ?? ''
  }

  it('exports all families with their types, help and labels', async () => {
    begin()
    for (const path of ['/orders/1', '/gone/1', '/cached', '/checked']) await ask(path)
    breakers.get(name)?.open()
    await ask('/orders/1')
    breakers.get(name)?.close()
    const call = { exchange: {}, upstream: 'a', state: 'complete', attempt: 2, times: { total: 1 } }
    channel('good-gateway:call:end').publish(call)
    channel('good-gateway:request:start').publish({ exchange: { upstream: 'a' } })
    channel('good-gateway:fleet').publish({ fleet: 'eu', state: 'joined', result: 'adopted' })
    const text = await counted(5)
    for (const [short, [type, labels]] of Object.entries(FAMILIES)) {
      const full = `good_gateway_${short}`
      assert.ok(text.includes(`# TYPE ${full} ${type}\n`), full)
      assert.match(text, new RegExp(`^# HELP ${full} .+\\.$`, 'm'))
      const wanted = type === 'histogram' ? `${labels} le` : labels
      const line = linesOf(text).find((each) => each.name.replace(/_bucket$/, '') === full)
      assert.deepEqual(Object.keys(line?.labels ?? {}), wanted.split(' '), full)
    }
    const types = text.match(/^# TYPE .*$/gm) ?? []
    assert.equal(types.length, Object.keys(FAMILIES).length)
  })

  it('counts a request by what was answered and who answered', async () => {
    begin()
    await ask('/orders/1?secret=a')
    await ask('/orders/99')
    await ask('/gone/1')
    const text = await counted(3)
    const route = '/orders/:id'
    const passed = { method: 'GET', route, status: '200', code: '', by: 'upstream' }
    assert.equal(total(text, passed), 1)
    assert.equal(total(text, { ...passed, status: '404' }), 1)
    const failed = { status: '502', code: 'upstream_refused', by: 'gateway', route: '/gone/:id' }
    assert.equal(total(text, failed), 1)
    const calls = { upstream: 'gone', status: '', code: 'upstream_refused' }
    assert.deepEqual(valuesOf(text, 'good_gateway_upstream_requests_total', calls), [1])
    const times = { route, by: 'upstream' }
    assert.deepEqual(valuesOf(text, 'good_gateway_request_duration_seconds_count', times), [2])
    assert.deepEqual(valuesOf(text, 'good_gateway_overhead_seconds_count', { route }), [2])
    assert.doesNotMatch(text, /secret|orders\/1/)
  })

  it('tells times in seconds, in buckets that hold those before them', async () => {
    begin({ buckets: [0.000_001, 60] })
    await ask('/orders/1')
    const text = await counted(1)
    const buckets = linesOf(text).filter(
      (line) => line.name === 'good_gateway_request_duration_seconds_bucket',
    )
    assert.deepEqual(
      buckets.map(({ labels, value }) => [labels['le'], value]),
      [
        ['0.000001', 0],
        ['60', 1],
        ['+Inf', 1],
      ],
    )
    const [sum = 0] = valuesOf(text, 'good_gateway_request_duration_seconds_sum')
    assert.ok(sum > 0 && sum < 5, String(sum))
  })

  it('counts methods that nobody knows as one', async () => {
    begin()
    await sendRaw(gateway.port, getLine('/x').replace('GET', 'PROPFIND'))
    const text = await counted(1)
    assert.equal(total(text, { method: '_OTHER' }), 1)
    assert.doesNotMatch(text, /PROPFIND/)
  })

  it('tells the states of circuits from the start, also of those that are older', async () => {
    begin()
    const states = () =>
      ['closed', 'open', 'half_open', 'held'].map((state) =>
        valuesOf(metrics?.text() ?? '', 'good_gateway_circuit_state', { circuit: name, state }),
      )
    assert.deepEqual(states(), [[1], [0], [0], [0]])
    breakers.get(name)?.open()
    assert.deepEqual(states(), [[0], [0], [0], [1]])
    await ask('/orders/1')
    breakers.get(name)?.close()
    const text = metrics?.text() ?? ''
    const moved = (to: string) =>
      valuesOf(text, 'good_gateway_circuit_transitions_total', { circuit: name, to })
    assert.deepEqual([moved('held'), moved('closed')], [[1], [1]])
    const refusals = { circuit: name, code: 'circuit_open' }
    assert.deepEqual(valuesOf(text, 'good_gateway_circuit_refusals_total', refusals), [1])
  })

  it('tells the requests that are under way, by the upstream that was named since', async () => {
    begin()
    const slow = createServer(() => {})
    const hanging = await listen(slow)
    const waiting = await listen(
      createServer(
        listener(circuitBreaker({ name: 'waits' }), (req, res) => forward(req, res, hanging.url)),
      ),
    )
    const active = () => valuesOf(metrics?.text() ?? '', 'good_gateway_requests_active')
    try {
      const client = request(waiting.url).on('error', () => {})
      client.end()
      await once(slow, 'request')
      const [value] = valuesOf(metrics?.text() ?? '', 'good_gateway_requests_active', {
        upstream: 'waits',
      })
      assert.equal(value, 1)
      client.destroy()
      await until(() => active().length === 0)
    } finally {
      await waiting.close()
      await hanging.close()
    }
  })

  it('ends no request that began before it listened below zero', async () => {
    const late = await listen(
      createServer(
        listener(problemDetails(), (_req, res) => {
          begin()
          res.end('ok')
        }),
      ),
    )
    try {
      await sendRaw(late.port, getLine('/'))
      const text = await counted(1)
      assert.deepEqual(valuesOf(text, 'good_gateway_requests_active'), [])
    } finally {
      await late.close()
    }
  })

  it('counts fallbacks and violations that are only reported', async () => {
    begin()
    await ask('/cached')
    await ask('/checked')
    const text = await counted(2)
    const fallback = { circuit: 'cached', code: 'upstream_refused' }
    assert.deepEqual(valuesOf(text, 'good_gateway_fallbacks_total', fallback), [1])
    const report = { route: '/checked', code: 'request_invalid' }
    assert.deepEqual(valuesOf(text, 'good_gateway_reports_total', report), [1])
  })

  it('escapes the values of labels', () => {
    begin()
    const odd = 'a "b"\\\nc'
    circuitBreaker({ name: odd })
    const closed = { circuit: odd, state: 'closed' }
    assert.deepEqual(valuesOf(metrics?.text() ?? '', 'good_gateway_circuit_state', closed), [1])
  })

  it('has a bound for the series of a metric, counts the rest as _other, and warns once', async () => {
    begin({ mostSeries: 10 })
    const warnings: string[] = []
    const hear = ({ message }: Error) => warnings.push(message)
    process.on('warning', hear)
    const publish = (code: string) =>
      channel('good-gateway:problem').publish({ reported: true, route: '/a', code })
    for (let made = 0; made < 25; made++) publish(`code_${made}`)
    await until(() => warnings.length > 0)
    process.off('warning', hear)
    const text = metrics?.text() ?? ''
    assert.equal(valuesOf(text, 'good_gateway_reports_total').length, 10)
    const rest = { route: '_other', code: '_other' }
    assert.deepEqual(valuesOf(text, 'good_gateway_reports_total', rest), [16])
    assert.deepEqual(warnings, [
      'good-gateway: good_gateway_reports_total has 10 series; what would be one more is counted as "_other"',
    ])
  })

  it('counts no more once it is stopped', async () => {
    const { text, stop } = begin()
    stop()
    await ask('/orders/1')
    assert.equal(total(text()), 0)
  })

  it('takes another prefix, also none', () => {
    assert.match(begin({ prefix: 'edge:' }).text(), /^# TYPE edge:info gauge$/m)
    metrics?.stop()
    assert.match(begin({ prefix: '' }).text(), /^# TYPE info gauge$/m)
  })

  it('refuses options that are wrong, with the fix', () => {
    const wrong: readonly [PrometheusOptions, RegExp][] = [
      [{ prefix: '1' }, /option "prefix" must be the beginning of a name/],
      [{ buckets: [1, 0.5] }, /option "buckets" must be a list of seconds/],
      [{ buckets: [] }, /option "buckets"/],
      [{ mostSeries: 0 }, /option "mostSeries" must be a whole number from 1/],
      [{ registry: {} as promClient.Registry }, /option "registry" must be a registry/],
    ]
    for (const [options, message] of wrong) assert.throws(() => prometheus(options), message)
  })
})

type Client = typeof promClient
const clients: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['prom-client', async () => promClient],
  ['@platformatic/prom-client', async () => platformatic],
  ['@prometheus-io/client', async () => import(`${'@prometheus-io'}/client`)],
]

for (const [name, load] of clients) {
  describe(`prometheus in a registry of ${name}`, () => {
    let client: Client
    let server: Server
    let gateway: Listening
    let metrics: PrometheusMetrics | undefined

    before(async function () {
      try {
        client = (await load()) as Client
      } catch (error) {
        // It needs Node 22, so it is no development dependency.
        console.log(`      skipped: ${name} is not installed (${String(error).split('\n')[0]})`)
        this.skip()
      }
      server = createServer(listener(problemDetails(), (_req, res) => res.end('ok')))
      gateway = await listen(server)
    })
    after(() => gateway?.close())
    afterEach(() => metrics?.stop())

    it('shows the same as alone, beside the metrics of the application', async () => {
      const registry = new client.Registry()
      const own = new client.Counter({ name: 'own_total', help: 'own', registers: [registry] })
      own.inc()
      metrics = prometheus({ registry })
      await sendRaw(gateway.port, getLine('/'))
      await until(() => valuesOf(metrics?.text() ?? '', 'good_gateway_requests_total')[0] === 1)
      const text = await registry.metrics()
      assert.deepEqual(valuesOf(text, 'own_total'), [1])
      const ours = linesOf(text).filter(({ name: each }) => each.startsWith('good_gateway_'))
      assert.deepEqual(ours, linesOf(metrics.text()))
      metrics.stop()
      assert.doesNotMatch(await registry.metrics(), /good_gateway/)
    })

    it('shows them in the form of OpenMetrics', async () => {
      const registry = new client.Registry()
      registry.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE as never)
      metrics = prometheus({ registry })
      await sendRaw(gateway.port, getLine('/'))
      await until(() => valuesOf(metrics?.text() ?? '', 'good_gateway_requests_total')[0] === 1)
      const text = await registry.metrics()
      assert.match(text, /^# TYPE good_gateway_requests counter$/m)
      assert.deepEqual(valuesOf(text, 'good_gateway_requests_total'), [1])
      assert.deepEqual(valuesOf(text, 'good_gateway_request_duration_seconds_count'), [1])
      assert.match(text, /# EOF\n$/)
    })

    it('adds up what several processes have counted', async () => {
      const registry = new client.Registry()
      metrics = prometheus({ registry })
      await sendRaw(gateway.port, getLine('/'))
      await until(() => valuesOf(metrics?.text() ?? '', 'good_gateway_requests_total')[0] === 1)
      // What goes between the processes is JSON.
      const sent = JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as never
      const { aggregate } = client.AggregatorRegistry
      const sum = await aggregate([sent, sent] as never).metrics()
      assert.deepEqual(valuesOf(sum, 'good_gateway_requests_total'), [2])
      assert.deepEqual(valuesOf(sum, 'good_gateway_request_duration_seconds_count'), [2])
      assert.deepEqual(valuesOf(sum, 'good_gateway_info'), [1])
    })

    it('begins anew when the registry does', async () => {
      const registry = new client.Registry()
      metrics = prometheus({ registry })
      await sendRaw(gateway.port, getLine('/'))
      await until(() => valuesOf(metrics?.text() ?? '', 'good_gateway_requests_total')[0] === 1)
      registry.resetMetrics()
      assert.deepEqual(valuesOf(metrics.text(), 'good_gateway_requests_total'), [])
    })

    it('is mounted once in a registry', () => {
      const registry = new client.Registry()
      metrics = prometheus({ registry })
      assert.throws(() => prometheus({ registry }), /already been registered/)
    })
  })
}
