import assert from 'node:assert/strict'
import { breakers, type Exchange } from 'good-gateway'
import { hosts, type Api } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'

for (const host of hosts) {
  describe(`${host.name}, health`, () => {
    const name = `health of ${host.name}`
    let probes: ReturnType<Api['health']>
    let gateway: Listening

    before(async () => {
      gateway = await host.start({
        use: ({ problemDetails, health, circuitBreaker }) => {
          probes = health()
          const key = ({ req }: Exchange) => req.url ?? ''
          return [problemDetails(), probes, circuitBreaker({ name, key })]
        },
        handler: (req, res) => res.end(`application ${req.url}`),
      })
    })
    after(() => gateway.close())

    const get = (path: string): Promise<Received> => sendRaw(gateway.port, getLine(path))
    const warningsIn = ({ body }: Received) =>
      (JSON.parse(body) as { warnings: { circuit: string }[] }).warnings.filter(
        ({ circuit }) => circuit === name,
      )

    it('says that the process runs, and that it is ready', async () => {
      const live = await get('/livez')
      assert.deepEqual([live.status, JSON.parse(live.body)], [200, { status: 'live' }])
      const ready = await get('/readyz?verbose')
      assert.equal(ready.status, 200)
      assert.equal(fieldOf(ready.head, 'content-type'), 'application/json')
      assert.equal(fieldOf(ready.head, 'cache-control'), 'no-store')
      assert.equal((JSON.parse(ready.body) as { status: string }).status, 'ready')
      assert.deepEqual(warningsIn(ready), [])
    })

    it('stays ready while circuits are open, and warns of them without their keys', async () => {
      await get('/secret-1')
      await get('/secret-2')
      breakers.get(name, '/secret-1')?.open()
      breakers.get(name, '/secret-2')?.open()
      try {
        const ready = await get('/readyz')
        assert.equal(ready.status, 200)
        assert.deepEqual(warningsIn(ready), [{ code: 'circuit_held', circuit: name, count: 2 }])
        assert.doesNotMatch(ready.body, /secret/)
      } finally {
        breakers.get(name, '/secret-1')?.close()
        breakers.get(name, '/secret-2')?.close()
      }
    })

    it('answers HEAD with the head, and other methods with 405', async () => {
      const head = await sendRaw(gateway.port, getLine('/readyz').replace('GET', 'HEAD'))
      assert.deepEqual([head.status, head.body], [200, ''])
      for (const method of ['POST', 'DELETE', 'OPTIONS']) {
        const other = await sendRaw(gateway.port, getLine('/livez').replace('GET', method))
        assert.equal(other.status, 405)
        assert.equal(fieldOf(other.head, 'allow'), 'GET, HEAD')
      }
    })

    it('takes a final slash for the same path, and leaves all others to the application', async () => {
      assert.equal((await get('/livez/')).body, '{"status":"live"}\n')
      for (const path of ['/livezz', '/livez/x', '/livez//', '/', '/x/livez'])
        assert.equal((await get(path)).body, `application ${path}`)
    })

    it('is not ready once the server drains, while requests are still answered', async () => {
      probes.drain()
      const ready = await get('/readyz')
      assert.equal(ready.status, 503)
      assert.equal(problemIn(ready).code, 'gateway_shutting_down')
      assert.equal((await get('/livez')).status, 200)
      assert.equal((await get('/orders')).body, 'application /orders')
    })
  })

  describe(`${host.name}, health without problemDetails`, () => {
    it('answers 503 once the server drains, at the paths of the options', async () => {
      let drain = (): void => {}
      const gateway = await host.start({
        use: ({ health }) => {
          const probes = health({ live: '/health/live', ready: '/health/ready' })
          drain = probes.drain
          return [probes]
        },
        handler: (req, res) => res.end(`application ${req.url}`),
      })
      try {
        assert.equal((await sendRaw(gateway.port, getLine('/health/ready'))).status, 200)
        drain()
        assert.equal((await sendRaw(gateway.port, getLine('/health/ready'))).status, 503)
        assert.equal((await sendRaw(gateway.port, getLine('/health/live'))).status, 200)
        assert.match((await sendRaw(gateway.port, getLine('/readyz'))).body, /application/)
      } finally {
        await gateway.close()
      }
    })
  })
}

describe('health at mount', () => {
  it('refuses paths that are none, and one path for both', async () => {
    const { health } = await import('good-gateway')
    for (const live of ['livez', '/a b', '//', '/live/', '/<x>', ''])
      assert.throws(() => health({ live }), { name: 'TypeError', message: /health: option "live"/ })
    assert.throws(() => health({ live: '/health', ready: '/health' }), {
      name: 'TypeError',
      message: /"live" and "ready" are both "\/health"/,
    })
  })
})
