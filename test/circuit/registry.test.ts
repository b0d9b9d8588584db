import assert from 'node:assert/strict'
import type { Circuit } from '../../src/circuit/circuit.js'
import { breakers, Circuits, circuitsOf } from '../../src/circuit/registry.js'
import { settingsOf } from './settings.js'

const MOST = 1000

describe('the circuits of a name', () => {
  let circuits: Circuits

  beforeEach(() => (circuits = new Circuits(settingsOf({ volumeThreshold: 1 }))))
  afterEach(() => circuits.entries().forEach((entry) => entry.release()))

  const keys = () => circuits.entries().map(({ key }) => key)
  function open(circuit: Circuit) {
    const permit = circuit.enter()
    assert.ok(typeof permit === 'object')
    circuit.report(permit, 'failure')
  }
  const fill = (count: number) => Array.from({ length: count }, (_, at) => circuits.get(`k${at}`))

  it('are at most 1,000', () => {
    fill(MOST + 50)
    assert.equal(keys().length, MOST)
  })

  it('lose the closed one first that was used longest ago', () => {
    fill(MOST)
    circuits.get('k0')
    circuits.get('new')
    assert.deepEqual([keys().includes('k0'), keys().includes('k1')], [true, false])
  })

  it('lose no open one while a closed one exists', () => {
    const all = fill(MOST)
    for (const circuit of all.slice(0, MOST - 1)) open(circuit)
    circuits.get('new')
    assert.deepEqual(
      [keys().includes('k0'), keys().includes(`k${MOST - 1}`), keys().length],
      [true, false, MOST],
    )
  })

  it('let calls through for a new key when all others are open', () => {
    fill(MOST).forEach(open)
    const circuit = circuits.get('new')
    assert.equal(typeof circuit.enter(), 'object')
    assert.equal(circuits.get('new'), circuit)
    assert.equal(keys().length, MOST)
  })
})

describe('breakers', () => {
  it('finds a circuit by name and key, with its state and the time since then', () => {
    const circuits = circuitsOf(settingsOf({ name: 'listed', key: () => '' }))
    const before = Date.now()
    circuits.get('a')
    const entry = breakers.get('listed', 'a')
    assert.equal(entry?.state, 'closed')
    assert.equal(entry?.retryAfter, 0)
    assert.ok(entry !== undefined && entry.since >= before && entry.since <= Date.now())
    entry.open()
    assert.equal(entry.state, 'open')
    assert.equal(entry.retryAfter, 300)
    entry.release()
    assert.equal(breakers.get('listed', 'a'), undefined)
    assert.equal(breakers.get('listed'), undefined)
  })
})

describe('the circuits of all names', () => {
  it('are told apart by the option that differs', () => {
    circuitsOf(settingsOf({ name: 'differing', timeout: 100 }))
    assert.throws(() => circuitsOf(settingsOf({ name: 'differing', timeout: 200 })), {
      name: 'TypeError',
      message: /"differing" exists with other options: "timeout" differs/,
    })
  })

  it('are forgotten with their options by releaseAll', () => {
    const one = circuitsOf(settingsOf({ name: 'forgotten', timeout: 100 }))
    one.get()
    breakers.releaseAll()
    assert.deepEqual(breakers.list(), [])
    assert.notEqual(circuitsOf(settingsOf({ name: 'forgotten', timeout: 200 })), one)
    breakers.releaseAll()
  })
})
