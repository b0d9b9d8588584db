/** What stands in a list; both fields are the list's own. */
export interface Linked<Item> {
  before: Item | undefined
  after: Item | undefined
}

/**
 * A list whose items lead to their neighbours. A `Set` keeps their order too, but gives each item a
 * hash, and makes its table anew time and again where every request adds one and takes one out.
 */
export class LinkedList<Item extends Linked<Item>> implements Iterable<Item> {
  #first: Item | undefined
  #last: Item | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  has(item: Item): boolean {
    return item.before !== undefined || item === this.#first
  }

  add(item: Item): void {
    if (this.has(item)) return
    item.before = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.after = item
    this.#last = item
    this.#size++
  }

  remove(item: Item): void {
    if (!this.has(item)) return
    const { before, after } = item
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // What is over leads to nothing that is alive.
    item.before = undefined
    item.after = undefined
    this.#size--
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let item = this.#first; item !== undefined; item = item.after) yield item
  }
}
