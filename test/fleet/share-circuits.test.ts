import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, get } from 'node:http'
import { Cluster, Redis } from 'ioredis'
import {
  breakers,
  circuitBreaker,
  forward,
  GatewayError,
  listener,
  problemDetails,
} from 'good-gateway'
import { type FleetMember, type FleetStore, redis, shareCircuits } from 'good-gateway/redis'
import { createClient, createClientPool } from 'redis'
import { MemoryStore } from '../support/fleet-store.js'
import { listen, type Listening, nobody } from '../support/servers.js'
import { until } from '../support/until.js'

describe('shareCircuits', () => {
  let store: MemoryStore
  let fleet: FleetMember | undefined

  beforeEach(() => (store = new MemoryStore()))
  afterEach(() => {
    fleet?.stop()
    store.resume()
    breakers.releaseAll()
  })

  function share(options: object = {}): FleetMember {
    fleet = shareCircuits(store, { fleet: 'test', ...options })
    return fleet
  }
  const joined = () => until(() => fleet?.state === 'joined')
  const row = () => store.data.rows.get('orders')
  const fail = () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))

  it('names the option that is wrong, and the fix', () => {
    for (const [options, message] of [
      [{}, /option "fleet" is missing/],
      [{ fleet: 'a{b}' }, /option "fleet" must be up to 64 letters/],
      [{ fleet: 'a', adopt: 'now' }, /"adopt" must be "probation" or "immediate"/],
      [{ fleet: 'a', control: 'all' }, /"control" must be "fleet" or "local"/],
      [{ fleet: 'a', timeout: 0 }, /"timeout" must be milliseconds above 0/],
      [{ fleet: 'a', resync: '1s' }, /"resync" must be milliseconds above 0/],
      [{ fleet: 'a', leasetimeout: 1 }, /did you mean "leaseTimeout"\?/],
    ] as const)
      assert.throws(() => shareCircuits(store, options as { fleet: string }), message)
    const noStore = {} as FleetStore
    assert.throws(() => shareCircuits(noStore, { fleet: 'a' }), /shareCircuits\(redis\(client\)/)
  })

  it('shares with one fleet at a time', async () => {
    share()
    assert.throws(() => shareCircuits(store, { fleet: 'other' }), /are shared already; stop\(\)/)
    await joined()
    fleet?.stop()
    share({ fleet: 'other' })
    await joined()
  })

  it('shares what is open already, and what is made later', async () => {
    const { fire } = circuitBreaker({ name: 'orders', volumeThreshold: 1 })
    await assert.rejects(fire(fail))
    share()
    await until(() => row() !== undefined)
    circuitBreaker({ name: 'later', volumeThreshold: 1 })
    breakers.get('later')?.open()
    await until(() => store.data.rows.has('later'))
  })

  it('knows what others have opened before a circuit of its own is made', async () => {
    const now = Date.now()
    const opened = { v: 1, id: 'orders', by: 'x', state: 'open', gen: now, inRow: 1, wait: 60_000 }
    store.data.rows.set('orders', JSON.stringify({ ...opened, ends: now + 60_000 }))
    share()
    await joined()
    const { fire } = circuitBreaker({ name: 'orders' })
    await assert.rejects(fire(fail))
    assert.equal(breakers.get('orders')?.state, 'open')
  })

  it('shares the circuits of the targets of forward, and sends one probe to them', async () => {
    share()
    await joined()
    const target = { name: 'orders', target: nobody.url }
    const circuit = { volumeThreshold: 1, resetTimeout: 50 }
    const proxy = forward({ targets: [{ ...target, circuit }] })
    const server = await listen(createServer(listener(problemDetails(), proxy)))
    assert.equal((await fetch(server.url)).status, 502)
    await until(() => row()?.includes('"open"') === true)
    await until(() => breakers.get('orders')?.state === 'half-open')
    store.data.leases.set('good-gateway:1:{test}:lease:orders', {
      holder: 'x',
      until: Date.now() + 60_000,
    })
    assert.equal((await fetch(server.url)).status, 503)
    assert.equal(breakers.get('orders')?.state, 'half-open')
    await server.close()
  })

  it('tells of 500 circuits that an operator opens at once, and stays joined', async () => {
    const states = new Set<unknown>()
    const hear = (event: unknown): unknown => states.add((event as { state: unknown }).state)
    share()
    await joined()
    subscribe('good-gateway:fleet', hear)
    for (let at = 0; at < 500; at++) circuitBreaker({ name: `orders-${at}` })
    for (const circuit of breakers.list()) circuit.open()
    await until(() => store.data.rows.size === 501)
    unsubscribe('good-gateway:fleet', hear)
    assert.deepEqual([...states], ['joined'])
  })

  it('shows no key of a circuit to the store', async () => {
    share()
    await joined()
    circuitBreaker({ name: 'orders', key: () => 'secret tenant' })
    const app = listener(
      circuitBreaker({ name: 'keyed', key: () => 'secret tenant' }),
      (_req, res) => res.end(),
    )
    const server = await listen(createServer(app))
    await fetch(server.url)
    await server.close()
    breakers.get('keyed', 'secret tenant')?.open()
    await until(() => [...store.data.rows.keys()].some((id) => id.startsWith('keyed/')))
    assert.ok(!JSON.stringify([...store.data.rows]).includes('secret'))
  })

  it('leaves the circuits as they are when it stops, and tells no more', async () => {
    circuitBreaker({ name: 'orders' })
    const member = share()
    await joined()
    breakers.get('orders')?.open()
    await until(() => row() !== undefined)
    member.stop()
    member.stop()
    assert.equal(breakers.get('orders')?.held, true)
    const before = store.actions.length
    breakers.get('orders')?.close()
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([store.actions.length, store.listeners], [before, 0])
  })

  it('publishes its state and what becomes of messages', async () => {
    const told: unknown[] = []
    const hear = (event: unknown): unknown => told.push(event)
    subscribe('good-gateway:fleet', hear)
    circuitBreaker({ name: 'orders' })
    share()
    await joined()
    breakers.get('orders')?.open()
    await until(() => row() !== undefined)
    store.publish('garbage')
    await until(() => told.length >= 4)
    unsubscribe('good-gateway:fleet', hear)
    assert.deepEqual(told.slice(1), [
      { fleet: 'test', state: 'joined', result: undefined },
      { fleet: 'test', state: 'joined', result: 'sent' },
      { fleet: 'test', state: 'joined', result: 'unreadable' },
    ])
  })

  describe('in front of an upstream', () => {
    let gateway: Listening
    let upstream: Listening
    let status = 503
    let closed = 0

    beforeEach(async () => {
      status = 503
      upstream = await listen(createServer((_req, res) => res.writeHead(status).end()))
      const guard = circuitBreaker({ name: 'orders', volumeThreshold: 1, resetTimeout: 50 })
      const proxy = listener(problemDetails(), guard, (_req, res) => {
        get(upstream.url, (answer) => {
          res.writeHead(answer.statusCode ?? 500)
          answer.pipe(res)
        })
      })
      closed = 0
      const counted = createServer((req, res) => {
        res.once('close', () => closed++)
        proxy(req, res)
      })
      gateway = await listen(counted)
      share({ leaseTimeout: 5000, timeout: 5000 })
      await joined()
      await fetch(gateway.url)
      await until(() => breakers.get('orders')?.state === 'half-open')
      await until(() => row() !== undefined)
    })
    afterEach(() => Promise.all([gateway.close(), upstream.close()]))

    it('lets a request wait for the lease, and refuses the others', async () => {
      store.pause()
      status = 200
      const first = fetch(gateway.url)
      await until(() => store.waiting === 1)
      const second = await fetch(gateway.url)
      assert.deepEqual([second.status, second.headers.get('retry-after')], [503, '1'])
      store.resume()
      assert.equal((await first).status, 200)
      await until(() => breakers.get('orders')?.state === 'closed')
    })

    it('gives the lease back when the client leaves before it has come', async () => {
      store.pause()
      const controller = new AbortController()
      const left = fetch(gateway.url, { signal: controller.signal })
      await until(() => store.waiting === 1)
      controller.abort()
      await assert.rejects(left)
      await until(() => closed === 2)
      store.resume()
      await until(() => store.actions.includes('free'))
      status = 200
      assert.equal((await fetch(gateway.url)).status, 200)
    })

    it('lets .fire wait for the lease, too', async () => {
      const { fire } = circuitBreaker({ name: 'orders', volumeThreshold: 1, resetTimeout: 50 })
      store.pause()
      const first = fire(() => 'done')
      await until(() => store.waiting === 1)
      await assert.rejects(
        fire(() => 'no'),
        (error) => error instanceof GatewayError && error.code === 'circuit_open',
      )
      store.resume()
      assert.equal(await first, 'done')
    })
  })
})

describe('redis', () => {
  it('takes clients of ioredis and node-redis, and nothing else', async () => {
    const single = new Redis({ lazyConnect: true })
    const cluster = new Cluster([{ port: 1 }], { lazyConnect: true })
    for (const client of [single, cluster, createClient()])
      assert.deepEqual(Object.keys(redis(client)), ['run', 'listen'])
    for (const other of [undefined, {}, 'redis://localhost', createClientPool()])
      assert.throws(() => redis(other as unknown as Redis), /give it a client of ioredis/)
    single.disconnect()
    cluster.disconnect()
  })
})
