import assert from 'node:assert/strict'
import { namesOf } from '../../../src/fleet/names.js'
import { SCRIPT } from '../../../src/fleet/script.js'
import { Data, runScript } from '../../support/fleet-script.js'
import { Server, skipWithout } from './server.js'

const TIMES = 3000
const { circuits, events, lease } = namesOf('twin')

/** The same numbers at each run. */
let state = 1
const any = (most: number): number => {
  state = (state * 48_271) % 2_147_483_647
  return state % most
}
const oneOf = <T>(...values: readonly T[]): T => values[any(values.length)] as T

const GARBAGE = [
  'x',
  '[]',
  '{"v":1}',
  '{"v":1,"gen":1e300,"ends":1}',
  '"'.repeat(2000),
  '{"v":1,"state":"held","gen":1e300,"ends":1}',
]

/** The arguments of any command, with generations that are known, old or impossible. */
function command(id: string, data: Data): string[] {
  const gens = [...data.rows.values()].map((text) => Number(/"gen":(\d+)/.exec(text)?.[1] ?? 0))
  const soon = String(Date.now() + 5000)
  const head = [oneOf('', soon, soon, '1'), events, oneOf('m1', 'm2')]
  const about = [id, String(oneOf(0, ...gens, Date.now() + 1e9))]
  const said = oneOf('open', 'open', 'open', 'closed', 'closed', 'held', 'released')
  return oneOf(
    ['sync', ...head],
    ['join', ...head],
    ['free', ...head, ...about],
    ['lease', ...head, ...about, String(oneOf(20_000, 60_000))],
    ['tell', ...head, ...about, said, String(oneOf(1, 60_000)), '5000', '2'],
    ['tell', ...head, ...about, said, String(oneOf(1, 60_000)), '5000', '2'],
  )
}

/** A reply whose rows can be compared: their order, and that of their members, says nothing. */
function comparable(reply: readonly unknown[], isList: boolean): unknown[] {
  const words = reply.map((word) =>
    String(word).startsWith('{')
      ? Object.entries(JSON.parse(String(word)) as object).toSorted()
      : word,
  )
  return isList
    ? [
        ...words.slice(0, 3),
        ...words
          .slice(3)
          .map((row) => JSON.stringify(row))
          .toSorted(),
      ]
    : words
}

describe('the script of the fleet', function () {
  this.timeout(60_000)
  let server: Server

  before(async function () {
    skipWithout(this, 'redis-server')
    server = await Server.start()
  })
  after(() => server?.stop())

  async function spoil(id: string, data: Data): Promise<void> {
    if (any(40) === 0) {
      const garbage = oneOf(...GARBAGE)
      await server.admin.hset(circuits, id, garbage)
      data.rows.set(id, garbage)
    }
    if (any(100) > 0) return
    await server.admin.flushall()
    data.rows = new Map()
    data.leases.clear()
  }

  /** Runs one in both; the first word of the reply. */
  async function compare(data: Data): Promise<string> {
    const id = oneOf('a', 'b')
    await spoil(id, data)
    const args = command(id, data)
    const isList = args[0] === 'sync' || args[0] === 'join'
    const keys = [circuits, lease(isList ? '' : id)]
    const real = (await server.admin.eval(SCRIPT, 2, ...keys, ...args)) as unknown[]
    const twin = runScript({ data, keys, args, now: Number(real[1]), publish: () => {} })
    if (real[0] === 'denied') {
      // The rest of a lease is measured a little later than the time.
      assert.ok(Math.abs(Number(real[2]) - Number(twin[2])) <= 5, `${real[2]} ${twin[2]}`)
      real[2] = twin[2]
    }
    assert.deepEqual(comparable(real, isList), comparable(twin, isList), args.join(' '))
    return String(real[0])
  }

  it(`does in Redis what its twin of the tests does, ${TIMES} times`, async () => {
    const data = new Data()
    const words = new Set<string>()
    for (let at = 0; at < TIMES; at++) words.add(await compare(data))
    assert.deepEqual([...words].toSorted(), ['denied', 'late', 'none', 'ok', 'stale'])
  })

  it('keeps 10,000 rows at most, but for those that are held', async () => {
    const ends = Date.now() + 60_000
    const row = (id: string, word: string) =>
      JSON.stringify({
        v: 1,
        id,
        by: 'x',
        state: word,
        gen: 1,
        ends,
        wait: 1,
        inRow: 1,
        hand: false,
      })
    const rows = Array.from({ length: 10_500 }, (_, at) => [`c${at}`, row(`c${at}`, 'open')])
    rows.push(['kept', row('kept', 'held')])
    await server.admin.del(circuits)
    await server.admin.hset(circuits, Object.fromEntries(rows) as object)
    const sync = ['sync', '', events, 'm1']
    const reply = (await server.admin.eval(SCRIPT, 2, circuits, lease(''), ...sync)) as string[]
    assert.ok(reply.includes(row('kept', 'held')))
    assert.ok(reply.length - 3 <= 10_001, `${reply.length}`)
    assert.equal(await server.admin.hlen(circuits), reply.length - 2)
  })
})
