import assert from 'node:assert/strict'
import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { waitIn } from '../../src/common/retry-after.js'

describe('the wait in a Retry-After', () => {
  let clock: Clock
  before(
    () => (clock = FakeTimers.install({ now: Date.UTC(1994, 10, 6, 8, 49, 30), toFake: ['Date'] })),
  )
  after(() => clock.uninstall())

  const cases: [string, number | undefined][] = [
    ['7', 7000],
    ['0', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7000],
    ['Sun, 06 Nov 1994 08:49:00 GMT', -30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7000],
    ['Sun Nov  6 08:49:37 1994', 7000],
    ['', undefined],
    ['-5', -5000],
    ['1e3', undefined],
    ['0x10', undefined],
    ['7.5', 7500],
    [' 7 ', 7000],
    ['soon', undefined],
    ['in about 5', undefined],
    ['2026', 2_026_000],
    ['Sun, 99 Foo 1994 08:49:37 GMT', undefined],
  ]
  for (const [field, wait] of cases) {
    it(`is ${wait} ms for ${JSON.stringify(field)}`, () => assert.equal(waitIn(field), wait))
  }
})
