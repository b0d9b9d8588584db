import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { prometheus } from 'good-gateway/prometheus'
import { startBare } from '../../docs/sample-proxy/bare.js'
import { startFaults } from '../../docs/sample-proxy/faults.js'
import { createProxy } from '../../docs/sample-proxy/proxy.js'
import { startUpstreams } from '../../docs/sample-proxy/upstreams.js'
import { rememberCircuits } from '../support/circuits.js'
import { namesIn, panels, queries } from '../support/dashboard.js'
import { linesOf } from '../support/exposition.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen } from '../support/servers.js'

/** What the sample exports when it has answered well, badly and not at all. */
async function exported(): Promise<string> {
  const release = rememberCircuits()
  const metrics = prometheus()
  const [upstreams, faults] = await Promise.all([startUpstreams(), startFaults()])
  const bare = await startBare({})
  const proxy = createProxy({
    upstream: upstreams.url,
    faults,
    bare,
    listing: () => '',
    metrics,
  })
  const sample = await listen(createServer(proxy.callback()))
  try {
    for (const path of ['/orders/1', ...Array.from({ length: 11 }, () => '/faults/refused')])
      await sendRaw(sample.port, getLine(path))
    publishTheRest()
    const { body } = await sendRaw(sample.port, getLine('/metrics'))
    return body
  } finally {
    await sample.close()
    await Promise.all([upstreams.close(), faults.close(), bare.close()])
    metrics.stop()
    release()
  }
}

/** What the sample has no use for. */
function publishTheRest(): void {
  const exchange = { upstream: 'a' }
  const end = { exchange, method: 'GET', by: 'application', fallback: 'upstream_refused' }
  channel('good-gateway:request:start').publish({ exchange })
  channel('good-gateway:request:end').publish({ ...end, exchange: {} })
  channel('good-gateway:call:end').publish({ exchange, attempt: 2, times: { total: 1 } })
  channel('good-gateway:problem').publish({ reported: true, route: '/', code: 'request_invalid' })
  channel('good-gateway:fleet').publish({ fleet: 'a', state: 'joined', result: 'adopted' })
}

describe('the dashboard for Grafana', function () {
  this.timeout(60_000)
  let text: string
  before(async () => {
    text = await exported()
  })

  it('asks for nothing but what the sample exports, name by name and label by label', () => {
    const labels = new Map<string, Set<string>>()
    for (const line of linesOf(text)) {
      const known = labels.get(line.name) ?? new Set<string>()
      for (const label of Object.keys(line.labels)) known.add(label)
      labels.set(line.name, known)
    }
    for (const query of queries) {
      const { metrics, labels: asked } = namesIn(query)
      assert.ok(metrics.length > 0, query)
      for (const metric of metrics) {
        assert.ok(labels.has(metric), `${metric} of ${query}`)
        for (const label of asked) assert.ok(labels.get(metric)?.has(label), `${label} of ${query}`)
      }
    }
  })

  it('shows each metric that is exported', () => {
    const asked = new Set(queries.flatMap((query) => namesIn(query).metrics))
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
    const unseen = families
      .map(([, name = '', type]) => (type === 'histogram' ? `${name}_bucket` : name))
      .filter((name) => !asked.has(name))
    assert.deepEqual(unseen, [])
  })

  it('names its series by labels that its queries keep', () => {
    for (const { title, targets = [] } of panels)
      for (const { expr, legendFormat } of targets) {
        const { labels } = namesIn(expr)
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          assert.ok(labels.includes(label), `${label} of ${title}`)
      }
  })
})
