import assert from 'node:assert/strict'
import process from 'node:process'
import { breakers } from 'good-gateway'
import { watch } from './leaks.js'
import { until } from './until.js'

/** Servers that listen and child processes that run: mocha ends its processes whatever is left in them. */
const isLeft = (resource: string): boolean =>
  resource.endsWith('ServerWrap') || resource === 'ProcessWrap'

const left = (): string[] => process.getActiveResourcesInfo().filter(isLeft)

/** What holds for the tests of all files; mocha loads it into each of its processes. */
export const mochaHooks = {
  beforeAll() {
    watch.start()
  },
  afterEach() {
    const leaks = watch.take()
    assert.deepEqual(leaks, [], 'nothing of the inside has left')
  },
  async afterAll() {
    // The next file may have circuits of the same names.
    breakers.releaseAll()
    const end = performance.now() + LONGEST
    await until(() => left().length === 0 || performance.now() > end)
    assert.deepEqual(left(), [], 'what a test has started, it has stopped')
  },
}

/** Milliseconds for the last connections to close. */
const LONGEST = 5000
