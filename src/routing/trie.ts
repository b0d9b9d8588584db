import { PARAM, REST, type Token } from './key.js'

interface Node<T> {
  readonly statics: Map<string, Node<T>>
  param?: Node<T>
  /** The value for a path that ends here. */
  end?: T
  /** The value for a path that goes on from here, or that ends here and has no other value. */
  rest?: T
}

/** Values by patterns of segments; a fixed text is more specific than a parameter, a parameter than the rest. */
export class Trie<T> {
  readonly #root: Node<T> = { statics: new Map() }

  /** The value of exactly this pattern; made when there is none yet. */
  at(pattern: readonly Token[], make: () => T): T {
    let node = this.#root
    for (const token of pattern) {
      if (token === REST) return (node.rest ??= make())
      node = childOf(node, token)
    }
    return (node.end ??= make())
  }

  /**
   * The values of all patterns that match a path, the most specific first. No node is visited twice,
   * so the time is bounded by the size of the table, however long the path is.
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
