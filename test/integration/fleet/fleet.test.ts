import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FleetOptions } from '../../../src/fleet/share-circuits.js'
import type { Share } from './process.js'
import { Gateway } from './processes.js'
import { isThere, Server, skipWithout, startCluster } from './server.js'
import { Wire } from './wire.js'

const RESYNC = 1000
const CLIENTS = ['ioredis', 'node-redis', 'iovalkey', 'node-redis'] as const
const RIGHTS =
  '+eval +subscribe +ping +time +hget +hset +hgetall +hdel +pexpire +publish +set +get +del +pttl'

type Four = readonly [Gateway, Gateway, Gateway, Gateway]

/** Four processes with their own ways to a server: one fixture for all tests, for a start takes long. */
describe('a fleet of four processes', function () {
  this.timeout(60_000)
  let server: Server
  let four: Four
  let fleet = ''
  let count = 0

  before(async function () {
    skipWithout(this, 'redis-server')
    server = await Server.start()
    four = [new Gateway(), new Gateway(), new Gateway(), new Gateway()]
  })
  after(async () => {
    await Promise.all((four ?? []).map((gateway) => gateway.stop()))
    await server?.stop()
  })
  beforeEach(() => (fleet = `f${count++}`))
  afterEach(() => Promise.all(four.map((gateway) => gateway.ask('leave'))))

  interface Sharing extends Omit<Partial<Share>, 'options'> {
    readonly options?: Partial<FleetOptions>
  }
  const share = (gateway: Gateway, sharing: Sharing = {}) =>
    gateway.ask('share', {
      client: CLIENTS[four.indexOf(gateway)] ?? 'ioredis',
      ports: [server.port],
      ...sharing,
      options: { fleet, resync: RESYNC, ...sharing.options },
    })
  async function joined(sharing: Sharing = {}): Promise<void> {
    await all((gateway) => share(gateway, sharing))
    await allUntil(({ fleet: state }) => state === 'joined')
  }
  const all = <T>(what: (gateway: Gateway) => Promise<T>): Promise<T[]> =>
    Promise.all(four.map(what))
  const allUntil = (isSo: Parameters<Gateway['until']>[0]) => all((gateway) => gateway.until(isSo))
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

  /** All circuits are open, by the row of the first. */
  async function open(): Promise<void> {
    await all((gateway) => gateway.ask('up', false))
    const failOpen = async (gateway: Gateway): Promise<void> => {
      while ((await gateway.ask('state')).circuit === 'closed') await gateway.ask('call', 1)
    }
    await failOpen(four[0])
    while ((await server.row(fleet))?.state !== 'open') await sleep(5)
    await all(failOpen)
  }
  const halfOpen = () => allUntil(({ circuit }) => circuit === 'half-open')
  async function measured(work: () => Promise<unknown>): Promise<number> {
    const before = performance.now()
    await work()
    return performance.now() - before
  }

  describe('and a healthy server', () => {
    it('sends no command for 1,000 requests through closed circuits but those of the resync', async () => {
      await joined({ options: { resync: 600_000 } })
      await server.admin.config('RESETSTAT')
      await all((gateway) => gateway.ask('call', 1000))
      const stats = await server.admin.info('commandstats')
      const commands = [...stats.matchAll(/cmdstat_([^:]+)/g)].map(([, name]) => name)
      assert.deepEqual(
        commands.filter((name) => name !== 'config|resetstat' && name !== 'info'),
        [],
      )
    })

    it('opens all circuits within a second of the first, by one failing call each', async () => {
      await joined()
      await all((gateway) => gateway.ask('up', false))
      const [first, ...others] = await Promise.all(
        four.map(async (gateway, at) => {
          if (at === 0) return gateway.ask('load', { time: 300, every: 10 })
          await gateway.until(({ results }) => results.heard === 1)
          return gateway.ask('load', { time: 1500, every: 50 })
        }),
      )
      const openedAt = first?.openedAt ?? NaN
      for (const other of others) {
        assert.equal(other.failed.length, 1)
        assert.ok((other.openedAt ?? Infinity) - openedAt < 1000, `${other.openedAt} ${openedAt}`)
      }
    })

    it('lets one bad gateway refuse less than 1 % of the requests of the healthy ones', async () => {
      await joined({ breaker: { resetTimeout: 200, rollingCountTimeout: 500 } })
      await four[0].ask('up', false)
      const [bad, ...healthy] = await all((gateway) =>
        gateway.ask('load', { time: 5000, every: 5 }),
      )
      const refused = sum(healthy.map((calls) => calls.refused))
      const made = sum(healthy.map((calls) => calls.made.length))
      console.log(`      refused by the healthy ${refused} of ${made + refused}`)
      assert.ok(made > 500, `${made}`)
      assert.ok(refused / (made + refused) < 0.01)
      assert.ok((bad?.refused ?? 0) > 100)
    })

    it('sends exactly one probe for each wait', async () => {
      await joined({ breaker: { resetTimeout: 300 } })
      await open()
      const before = Number((await server.row(fleet))?.inRow)
      const calls = await all((gateway) => gateway.ask('load', { time: 5000, every: 5 }))
      const probes = sum(calls.map(({ made }) => made.length))
      const waits = Number((await server.row(fleet))?.inRow) - before
      console.log(`      ${probes} probes, ${waits} waits`)
      assert.ok(waits >= 3)
      assert.equal(probes, waits)
    })

    it('sends the next probe two seconds after the process that probed was killed', async () => {
      await joined({ breaker: { resetTimeout: 300 } })
      const fifth = new Gateway()
      await share(fifth, { breaker: { resetTimeout: 300 } })
      await fifth.until(({ fleet: state }) => state === 'joined')
      await open()
      await fifth.ask('up', false)
      await fifth.until(({ circuit, results }) => circuit === 'closed' && results.heard === 1)
      await fifth.ask('call', 1)
      await fifth.until(({ circuit }) => circuit === 'half-open')
      await fifth.ask('slow', true)
      void fifth.ask('call', 1)
      await fifth.until(({ results }) => results.leased === 1)
      await fifth.stop('SIGKILL')
      const calls = await all((gateway) => gateway.ask('load', { time: 2500, every: 10 }))
      const [first = NaN, second = Infinity] = calls
        .flatMap(({ made }) => made)
        .toSorted((one, other) => one - other)
      const after = first - Number(process.hrtime.bigint()) / 1e6 + 2500
      console.log(`      the next probe came ${after.toFixed()} ms later`)
      assert.ok(after > 1000 && after < 2300, `${after}`)
      assert.ok(second - first > 300)
    })

    it('closes all circuits when the upstream is well again', async () => {
      await joined({ breaker: { resetTimeout: 300 } })
      await open()
      await all((gateway) => gateway.ask('up', true))
      await all((gateway) => gateway.ask('load', { time: 1500, every: 20 }))
      await allUntil(({ circuit }) => circuit === 'closed')
    })

    it('takes over at once what an operator does', async () => {
      await joined()
      await four[2].ask('hand', 'open')
      const opened = await measured(() => allUntil(({ held }) => held))
      assert.equal(sum((await all((gateway) => gateway.ask('call', 5))).map((c) => c.refused)), 20)
      await four[1].ask('hand', 'close')
      const closed = await measured(() => allUntil(({ circuit }) => circuit === 'closed'))
      console.log(`      opened after ${opened.toFixed()} ms, closed after ${closed.toFixed()} ms`)
      assert.ok(opened < 800 && closed < 800)
      await four[0].until(({ results }) => results.heard !== undefined)
    })

    it('does not mind a clock that is off by an hour', async () => {
      await Promise.all(
        four.map((gateway, at) =>
          share(gateway, { clock: [0, 3_600_000, -3_600_000, 0][at] ?? 0 }),
        ),
      )
      await allUntil(({ fleet: state }) => state === 'joined')
      await open()
      const waits = (await all((gateway) => gateway.ask('state'))).map((state) => state.retryAfter)
      assert.ok(
        Math.max(...waits) - Math.min(...waits) <= 1 && Math.max(...waits) <= 60,
        `${waits}`,
      )
    })

    it('neither falls nor opens by garbage, messages of 1 MB and forged openings', async () => {
      await joined()
      const { admin } = server
      const [key, channel] = [
        `good-gateway:1:{${fleet}}:circuits`,
        `good-gateway:1:{${fleet}}:events`,
      ]
      for (const text of ['', '{', '\0\xff', 'x'.repeat(1_000_000), '[]', '{"v":1}'])
        await Promise.all([admin.publish(channel, text), admin.hset(key, 'orders', text)])
      const [seconds] = await admin.time()
      const now = Number(seconds) * 1000
      for (let at = 0; at < 20; at++) {
        const row = { v: 1, id: 'orders', by: 'x', state: 'open', gen: now + at, inRow: 1 }
        await admin.publish(channel, JSON.stringify({ ...row, ends: now + 60_000, wait: 60_000 }))
        await admin.publish(
          channel,
          JSON.stringify({ ...row, state: 'held', hand: true, ends: now, wait: 1 }),
        )
        const calls = await all((gateway) => gateway.ask('call', 2))
        assert.equal(sum(calls.map(({ refused }) => refused)), 0)
      }
      await sleep(2 * RESYNC)
      const states = await all((gateway) => gateway.ask('state'))
      assert.deepEqual(
        states.map(({ circuit }) => circuit),
        ['closed', 'closed', 'closed', 'closed'],
      )
      assert.deepEqual(
        states.flatMap(({ warnings }) => warnings),
        [],
      )
      // What is no row is put away.
      assert.equal(await server.row(fleet), undefined)
    })

    it('leaves nothing in the server when it has stopped', async () => {
      const clients = async () =>
        String(await server.admin.client('LIST'))
          .trim()
          .split('\n').length
      // Those of the tests before may still be closing.
      while ((await clients()) > 1) await sleep(10)
      await joined()
      assert.equal(await clients(), 9)
      await all((gateway) => gateway.ask('leave'))
      while ((await clients()) > 1) await sleep(10)
    })
  })

  describe('and a server that fails', () => {
    const CONVERGED = RESYNC * 1.1 + 1000

    /** What closed and half-open circuits do without their store; they warn once. */
    async function decideAlone(): Promise<void> {
      const calls = await all((gateway) => gateway.ask('load', { time: 1500, every: 10 }))
      const longest = Math.max(...calls.map((each) => each.longest))
      console.log(
        `      the slowest of ${sum(calls.map((c) => c.made.length))} took ${longest.toFixed()} ms`,
      )
      assert.equal(sum(calls.map(({ refused }) => refused)), 0)
      assert.ok(longest < 200, `${longest}`)
    }
    const warnings = async () =>
      (await all((gateway) => gateway.ask('state'))).map((s) => s.warnings.length)

    it('goes on while the server is stopped, warns once, and joins again', async () => {
      await joined()
      server.signal('SIGSTOP')
      await decideAlone()
      await allUntil(({ fleet: state }) => state === 'away')
      server.signal('SIGCONT')
      const time = await measured(() => allUntil(({ fleet: state }) => state === 'joined'))
      console.log(`      joined ${time.toFixed()} ms after SIGCONT`)
      assert.ok(time < CONVERGED, `${time}`)
      assert.deepEqual(await warnings(), [1, 1, 1, 1])
    })

    it('lets a half-open request wait for 500 ms at most while the server is stopped', async () => {
      await joined({ options: { resync: 60_000 }, breaker: { resetTimeout: 300 } })
      await open()
      await halfOpen()
      server.signal('SIGSTOP')
      await all((gateway) => gateway.ask('up', true))
      const calls = await all((gateway) => gateway.ask('call', 1))
      server.signal('SIGCONT')
      const times = calls.map(({ longest }) => Math.round(longest))
      console.log(`      ${times.join(', ')} ms`)
      assert.deepEqual(
        calls.map(({ made }) => made.length),
        [1, 1, 1, 1],
      )
      assert.ok(times.every((time) => time > 400 && time < 700))
      await allUntil(({ circuit, fleet: state }) => circuit === 'closed' && state === 'joined')
    })

    it('opens nobody by an opening that was queued in a stopped server', async () => {
      await joined({ breaker: { resetTimeout: 1500 } })
      server.signal('SIGSTOP')
      await four[0].ask('up', false)
      await four[0].ask('call', 10)
      await four[0].ask('up', true)
      await four[0].until(({ circuit }) => circuit === 'half-open')
      await four[0].ask('call', 1)
      await four[0].until(({ circuit }) => circuit === 'closed')
      server.signal('SIGCONT')
      await allUntil(({ fleet: state }) => state === 'joined')
      await sleep(RESYNC)
      assert.equal(await server.row(fleet), undefined)
      await all((gateway) => gateway.ask('up', false))
      await all((gateway) => gateway.ask('call', 1))
      await allUntil(({ circuit }) => circuit === 'closed')
    })

    it('keeps what is open, and what is held, over a server that comes back empty', async () => {
      await joined()
      await open()
      await server.kill()
      await allUntil(({ fleet: state }) => state === 'away')
      await server.start()
      const time = await measured(() => allUntil(({ fleet: state }) => state === 'joined'))
      while ((await server.row(fleet))?.state !== 'open') await sleep(5)
      await allUntil(({ circuit }) => circuit === 'open')
      assert.ok(time < CONVERGED, `${time}`)
      await four[3].ask('hand', 'open')
      await allUntil(({ held }) => held)
      await server.kill()
      await allUntil(({ fleet: state }) => state === 'away')
      await server.start()
      await allUntil(({ fleet: state }) => state === 'joined')
      while ((await server.row(fleet))?.state !== 'held') await sleep(5)
      await sleep(RESYNC)
      await allUntil(({ held }) => held)
      console.log(`      joined ${time.toFixed()} ms after the start`)
    })

    it('converges after all its connections were killed', async () => {
      await joined({ options: { resync: 60_000 } })
      await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await sleep(200)
      await four[0].ask('hand', 'open')
      const time = await measured(() => allUntil(({ held }) => held))
      console.log(`      converged ${time.toFixed()} ms later`)
      assert.ok(time < 3000, `${time}`)
    })
  })

  describe('and a wire that fails', () => {
    let wire: Wire

    afterEach(() => wire.stop())

    it('shares over a wire of 150 ms, and slows no closed circuit', async () => {
      wire = await Wire.start(server.port, 75)
      await joined({
        ports: [wire.port],
        breaker: { resetTimeout: 1000 },
        options: { timeout: 3000 },
      })
      const calls = await all((gateway) => gateway.ask('load', { time: 500, every: 10 }))
      const longest = Math.max(...calls.map((each) => each.longest))
      assert.ok(longest < 100, `${longest}`)
      await open()
      await halfOpen()
      const probes = await all((gateway) => gateway.ask('call', 1))
      assert.equal(sum(probes.map(({ made }) => made.length)), 1)
      assert.ok(Math.max(...probes.map((each) => each.longest)) <= 550)
    })

    it('notices that nothing arrives any more, and joins again', async () => {
      wire = await Wire.start(server.port)
      const [cut, other] = four
      await share(cut, { ports: [wire.port] })
      await share(other)
      await Promise.all(
        [cut, other].map((one) => one.until(({ fleet: state }) => state === 'joined')),
      )
      wire.cut()
      const noticed = await measured(() => cut.until(({ fleet: state }) => state === 'away'))
      await other.ask('hand', 'open')
      assert.equal((await cut.ask('call', 1)).refused, 0)
      wire.mend()
      const joinedAfter = await measured(() => cut.until(({ held }) => held))
      console.log(
        `      noticed after ${noticed.toFixed()} ms, converged ${joinedAfter.toFixed()} ms after the end`,
      )
      assert.ok(noticed < RESYNC * 1.1 + 1500 && joinedAfter < 4000)
    })
  })

  describe('and a user with few rights', () => {
    const user = { username: 'gateway', password: 'secret' }
    const allow = (rights: string) =>
      server.admin.acl(
        'SETUSER',
        'gateway',
        ...`reset on >secret ~good-gateway:* &good-gateway:* -@all ${rights}`.split(' '),
      )

    it('needs no more than these', async () => {
      await allow(RIGHTS)
      await joined({ user, breaker: { resetTimeout: 300 } })
      await open()
      await halfOpen()
      await all((gateway) => gateway.ask('up', true))
      await all((gateway) => gateway.ask('load', { time: 500, every: 20 }))
      await allUntil(({ circuit }) => circuit === 'closed')
      await four[0].ask('hand', 'open')
      await allUntil(({ held }) => held)
      const states = await all((gateway) => gateway.ask('state'))
      assert.deepEqual(
        states.flatMap(({ warnings }) => warnings),
        [],
      )
    })

    for (const missing of RIGHTS.split(' '))
      it(`names ${missing} where it is missing`, async () => {
        await allow(RIGHTS.replace(missing, ''))
        const [one, other] = four
        for (const gateway of [one, other]) {
          await share(gateway, { user })
          const { warnings, fleet: state } = await gateway.until((is) => is.warnings.length > 0)
          assert.equal(state, 'away')
          assert.equal(warnings.length, 1)
          assert.ok(warnings[0]?.endsWith(`lacks a right; grant ${missing}`), warnings[0])
        }
      })

    for (const [name, missing] of [
      ['keys', '~good-gateway:*'],
      ['channel', '&good-gateway:*'],
    ] as const)
      it(`names the ${name} where they may not be used`, async () => {
        const rights = `reset on >secret ~good-gateway:* &good-gateway:* -@all ${RIGHTS}`
        await server.admin.acl(
          'SETUSER',
          'gateway',
          ...rights.replace(missing, '').split(' ').filter(Boolean),
        )
        await share(four[0], { user })
        const { warnings } = await four[0].until((is) => is.warnings.length > 0)
        assert.ok(warnings[0]?.endsWith(`grant ${missing}`), warnings[0])
      })
  })

  describe('and a cluster of three nodes', () => {
    let servers: Server[] = []

    before(async function () {
      skipWithout(this, 'redis-cli')
      servers = await startCluster()
    })
    after(() => Promise.all(servers.map((each) => each.stop())))

    it('shares what it knows, wherever its keys are', async () => {
      const ports = servers.map(({ port }) => port)
      const two = [four[0], four[1]] as const
      for (const gateway of two) await share(gateway, { ports, breaker: { resetTimeout: 500 } })
      await Promise.all(two.map((one) => one.until(({ fleet: state }) => state === 'joined')))
      await two[0].ask('up', false)
      await two[1].ask('up', false)
      await two[0].ask('call', 10)
      await sleep(300)
      assert.equal((await two[1].ask('call', 5)).failed.length, 1)
      await Promise.all(two.map((one) => one.until(({ circuit }) => circuit === 'half-open')))
      const probes = await Promise.all(two.map((one) => one.ask('call', 1)))
      assert.equal(sum(probes.map(({ made }) => made.length)), 1)
      await two[1].ask('hand', 'open')
      await two[0].until(({ held }) => held)
    })
  })

  describe('and a server of Valkey', () => {
    it('shares what it knows', async function () {
      if (!isThere('valkey-server')) {
        console.log('      skipped: valkey-server is not installed')
        this.skip()
      }
      const valkey = await Server.start('valkey-server')
      await joined({ ports: [valkey.port] })
      await four[1].ask('hand', 'open')
      await allUntil(({ held }) => held)
      await valkey.stop()
    })
  })
})
