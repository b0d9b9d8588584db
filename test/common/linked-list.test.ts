import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { type Linked, LinkedList } from '../../src/common/linked-list.js'

class Item implements Linked<Item> {
  readonly name: string
  before: Item | undefined = undefined
  after: Item | undefined = undefined

  constructor(name: string) {
    this.name = name
  }
}

const names = (items: Iterable<Item>): string => [...items].map(({ name }) => name).join('')

describe('a linked list', () => {
  const [a, b, c] = [new Item('a'), new Item('b'), new Item('c')]

  it('keeps the order in which items came, each once, wherever one is taken out', () => {
    for (const taken of [a, b, c]) {
      const list = new LinkedList<Item>()
      for (const item of [a, b, c, a]) list.add(item)
      assert.equal(names(list), 'abc')
      list.remove(taken)
      list.remove(taken)
      const left = [a, b, c].filter((item) => item !== taken)
      assert.deepEqual([names(list), list.size, list.has(taken)], [names(left), 2, false])
      list.add(taken)
      assert.equal(names(list), names([...left, taken]))
      for (const item of [a, b, c]) list.remove(item)
      assert.equal(list.size, 0)
    }
  })

  it('leaves nothing on an item that is taken out', () => {
    const list = new LinkedList<Item>()
    for (const item of [a, b, c]) list.add(item)
    list.remove(b)
    assert.equal(b.before, undefined)
    assert.equal(b.after, undefined)
    assert.equal(a.after, c)
    assert.equal(c.before, a)
  })
})
