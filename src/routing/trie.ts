import { PARAM, REST, type Token } from './key.js'

interface Node<T> {
  readonly statics: Map<string, Node<T>>
  param?: Node<T>
  /** What matches a path that ends here. */
  end?: T
  /** What matches a path that goes on from here, or ends here when nothing else does. */
  rest?: T
}

/** Finds what is stored under patterns of segments: static text before parameters before the rest. */
export class Trie<T> {
  readonly #root: Node<T> = { statics: new Map() }

  /** What is stored under exactly this pattern; made when there is nothing yet. */
  at(pattern: readonly Token[], make: () => T): T {
    let node = this.#root
    for (const token of pattern) {
      if (token === REST) return (node.rest ??= make())
      node = childOf(node, token)
    }
    return (node.end ??= make())
  }

  /**
   * All that matches a path, the most specific first. No node is visited twice, so a path costs at
   * most as much as the table is large, however long it is.
   */
  find(path: readonly string[]): readonly T[] {
    const found: T[] = []
    collect(this.#root, path, 0, found)
    return found
  }
}

function childOf<T>(node: Node<T>, token: string | typeof PARAM): Node<T> {
  if (token === PARAM) return (node.param ??= { statics: new Map() })
  const child = node.statics.get(token) ?? { statics: new Map() }
  node.statics.set(token, child)
  return child
}

function collect<T>(node: Node<T>, path: readonly string[], depth: number, found: T[]): void {
  const segment = path[depth]
  if (segment === undefined) {
    if (node.end !== undefined) found.push(node.end)
  } else {
    const child = node.statics.get(segment)
    if (child !== undefined) collect(child, path, depth + 1, found)
    if (node.param !== undefined) collect(node.param, path, depth + 1, found)
  }
  if (node.rest !== undefined) found.push(node.rest)
}
