import assert from 'node:assert/strict'
import { median, quantile, quartilesOf, ratiosOf, sum } from './statistics.js'

describe('the statistics of the benchmark', () => {
  it('take the middle value, or the mean of the two in the middle', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 2, 3]), 2.5)
    assert.equal(median([7]), 7)
  })

  it('take values between two in proportion, in any order, and change nothing of what they get', () => {
    const values = [50, 10, 40, 20, 30]
    assert.deepEqual(quartilesOf(values), [20, 40])
    assert.equal(quantile(values, 0.99), 49.6)
    assert.equal(quantile(values, 1), 50)
    assert.deepEqual(values, [50, 10, 40, 20, 30])
  })

  it('compare values of the same round', () => {
    assert.deepEqual(ratiosOf([2, 9], [1, 3]), [2, 3])
    assert.equal(sum([1, 2, 3]), 6)
  })
})
