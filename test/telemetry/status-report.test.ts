import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { createServer, request, type ServerResponse } from 'node:http'
import {
  breakers,
  circuitBreaker,
  health,
  listener,
  problemDetails,
  routes,
  statusPage,
} from 'good-gateway'
import { listen, type Listening, nobody } from '../support/servers.js'
import { count as add, emptyHistogram, percentile } from '../../src/telemetry/status/latencies.js'
import { Collector } from '../../src/telemetry/status/collector.js'
import { Window } from '../../src/telemetry/status/window.js'
import { span, visible } from '../../src/telemetry/status/words.js'

interface Shown {
  circuits: { name: string; key?: string; state: string; retry_after?: number; since: string }[]
  circuits_omitted: number
  upstreams: { name?: string; calls: number; failed: number; p50?: number; p99?: number }[]
  problems: { code: string; count: number; status: number; upstream?: string; route?: string }[]
  fleets?: { fleet: string; state: string; messages: Record<string, number> }[]
}

function forward(port: number, res: ServerResponse): void {
  const call = request({ port, host: '127.0.0.1', agent: false }, (answer) => {
    res.writeHead(answer.statusCode ?? 500)
    answer.pipe(res)
  })
  call.on('error', () => res.writeHead(500).end()).end()
}

describe('what the status page tells', () => {
  let page: ReturnType<typeof statusPage>
  let probes: ReturnType<typeof health>
  let upstream: Listening
  let gateway: Listening
  const shown = async (): Promise<Shown> => {
    const headers = { Accept: 'application/json' }
    return (await (await fetch(`${gateway.url}/status`, { headers })).json()) as Shown
  }

  before(async () => {
    // Not before: they count what the tests of other files do.
    page = statusPage()
    probes = health()
    upstream = await listen(
      createServer((req, res) => {
        res.statusCode = req.url === '/' ? 200 : 500
        setTimeout(() => res.end('ok'), 30)
      }),
    )
    const table = routes({
      'GET /good/:id': [circuitBreaker({ name: 'told good' })],
      'GET /bad/:id': [circuitBreaker({ name: 'told bad', consecutiveFailures: 3 })],
    })
    gateway = await listen(
      createServer(
        listener(problemDetails(), probes, page, table, (req, res) =>
          forward(req.url?.startsWith('/bad') ? nobody.port : upstream.port, res),
        ),
      ),
    )
  })
  after(async () => {
    page.stop()
    probes.drain()
    await gateway.close()
    await upstream.close()
  })

  it('are the calls of each upstream, how they went and how long they took', async () => {
    for (let id = 0; id < 5; id++) await (await fetch(`${gateway.url}/good/${id}`)).text()
    for (let id = 0; id < 4; id++) await (await fetch(`${gateway.url}/bad/${id}`)).text()
    const { upstreams } = await shown()
    const told = (name: string) => upstreams.find((each) => each.name === name)
    const good = told('told good')
    assert.ok(good)
    const { calls, failed, p50 = 0, p99 = 0 } = good
    assert.deepEqual([calls, failed], [5, 0])
    assert.ok(p50 > 0.025 && p50 <= p99, `${p50}, ${p99}`)
    const bad = told('told bad')
    assert.deepEqual([bad?.calls, bad?.failed, bad?.p50], [3, 3, undefined])
  })

  it('are the problems by their codes, with the template of the route and never its path', async () => {
    const { problems } = await shown()
    const told = problems.filter((each) => each.upstream === 'told bad')
    assert.deepEqual(
      told
        .map(({ code, count, status, route }) => ({ code, count, status, route }))
        .sort((a, b) => a.status - b.status),
      [
        { code: 'upstream_refused', count: 3, status: 502, route: '/bad/:id' },
        { code: 'circuit_open', count: 1, status: 503, route: '/bad/:id' },
      ],
    )
  })

  it('are the circuits with their states, the open ones first, and the time until they try', async () => {
    const { circuits } = await shown()
    assert.equal(circuits[0]?.state, 'open')
    const bad = circuits.find(({ name }) => name === 'told bad')
    assert.ok(bad)
    const { retry_after: wait = 0, since } = bad
    assert.ok(wait >= 1 && wait <= 10, String(wait))
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 10_000, since)
    breakers.get('told bad')?.open()
    const held = (await shown()).circuits.find(({ name }) => name === 'told bad')
    assert.deepEqual([held?.state, held?.retry_after], ['held', undefined])
    breakers.get('told bad')?.close()
  })

  it('are the fleets, which are a warning of the readiness while they are away', async () => {
    assert.equal((await shown()).fleets, undefined)
    const tell = (state: string, result?: string) =>
      channel('good-gateway:fleet').publish({ fleet: 'told', state, result })
    tell('joined')
    tell('joined', 'applied')
    tell('joined', 'applied')
    tell('away')
    const [fleet] = (await shown()).fleets ?? []
    assert.deepEqual(
      [fleet?.fleet, fleet?.state, fleet?.messages],
      ['told', 'away', { applied: 2 }],
    )
    const ready = async () =>
      (await (await fetch(`${gateway.url}/readyz`)).json()) as { warnings: object[] }
    const warning = { code: 'fleet_away', fleet: 'told' }
    assert.deepEqual(
      (await ready()).warnings.filter((each) => 'fleet' in each),
      [warning],
    )
    tell('joined')
    assert.deepEqual(
      (await ready()).warnings.filter((each) => 'fleet' in each),
      [],
    )
    const html = await (await fetch(`${gateway.url}/status`)).text()
    assert.match(html, /<h2>Fleet<\/h2>/)
  })

  it('are at most 200 circuits, and how many there are more', async () => {
    let id = 0
    const many = circuitBreaker({ name: 'told many', key: () => String(id++) })
    const other = await listen(createServer(listener(many, (_req, res) => res.end('ok'))))
    for (let sent = 0; sent < 205; sent++) await (await fetch(other.url)).text()
    breakers.get('told many', '99')?.open()
    const { circuits, circuits_omitted: omitted } = await shown()
    assert.equal(circuits.length, 200)
    assert.equal(circuits.length + omitted, breakers.list().length)
    assert.ok(
      circuits.some(({ key }) => key === '99'),
      'the open one is shown',
    )
    const html = await (await fetch(`${gateway.url}/status`)).text()
    assert.ok(html.includes(`And ${omitted} more circuits.`))
    for (const entry of breakers.list()) if (entry.name === 'told many') entry.release()
    await other.close()
  })
})

describe('the memory of the status page', () => {
  it('is bounded, whatever the events tell', () => {
    const collector = new Collector()
    const call = channel('good-gateway:call:end')
    const times = { total: 1, firstByte: 1 }
    for (let at = 0; at < 500; at++) {
      call.publish({ upstream: `bounded ${at}`, state: 'complete', status: 200, times })
      channel('good-gateway:fleet').publish({
        fleet: `bounded ${at}`,
        state: 'away',
        result: `${at}`,
      })
      channel('good-gateway:fleet').publish({ fleet: 'bounded 0', state: 'away', result: `${at}` })
    }
    const upstreams = collector.upstreams()
    assert.equal(upstreams.length, 101)
    assert.equal(upstreams.find(({ name }) => name === '_other')?.calls, 400)
    assert.equal(collector.fleets().length, 10)
    assert.equal(Object.keys(collector.fleets()[0]?.messages ?? {}).length, 20)
    collector.stop()
    call.publish({ upstream: 'bounded 0', state: 'complete', status: 200, times })
    assert.equal(collector.upstreams().find(({ name }) => name === 'bounded 0')?.calls, 1)
  })

  it('is that of the last minute', () => {
    const window = new Window()
    const start = 1_000_000_000_000
    window.add(start, true, 10)
    window.add(start + 35_000, false, 20)
    assert.deepEqual(
      [window.sums(start + 35_000).calls, window.sums(start + 35_000).failed],
      [2, 1],
    )
    assert.deepEqual(
      [window.sums(start + 65_000).calls, window.sums(start + 65_000).failed],
      [1, 0],
    )
    assert.equal(window.sums(start + 200_000).calls, 0)
    window.add(start + 60_000, false, undefined)
    assert.equal(window.sums(start + 60_000).calls, 2)
  })
})

describe('percentiles', () => {
  it('are a tenth off at most, from one millisecond to minutes', () => {
    for (const time of [1, 7, 42, 999, 12_345, 300_000]) {
      const histogram = emptyHistogram()
      add(histogram, time)
      const told = percentile(histogram, 0.5) ?? 0
      assert.ok(Math.abs(told - time) / time <= 0.1, `${time}: ${told}`)
    }
    assert.equal(percentile(emptyHistogram(), 0.5), undefined)
  })

  it('are those of the sorted times', () => {
    const histogram = emptyHistogram()
    for (let time = 1; time <= 1000; time++) add(histogram, time)
    for (const [part, time] of [
      [0.5, 500],
      [0.99, 990],
      [1, 1000],
      [0, 1],
    ] as const)
      assert.ok(Math.abs((percentile(histogram, part) ?? 0) - time) / time <= 0.1, String(part))
    for (const odd of [0, -1, NaN, Infinity]) add(histogram, odd)
  })
})

describe('words', () => {
  it('show what cannot be seen, and cut what is long', () => {
    assert.equal(visible('a\u0000b\u202Ec\nd\uD800'), 'a\\u{0}b\\u{202e}c\\u{a}d\\u{d800}')
    assert.equal(visible('x'.repeat(500)), `${'x'.repeat(120)}…`)
    assert.equal(visible('Zoë 漢字 🙂'), 'Zoë 漢字 🙂')
  })

  it('tell times in whole units', () => {
    const told = [0, 1.4, 119, 120, 7200, 200_000].map((each) => span(each).replace('\u00a0', ' '))
    assert.deepEqual(told, ['0 s', '1 s', '119 s', '2 min', '2 h', '2 d'])
  })
})
