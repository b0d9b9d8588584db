const LONGEST = 64
const MOST = 100

/**
 * The name that somebody who wrote `given` most likely meant, undefined when none is close.
 *
 * Close is at most a third of the letters, at least one. Long names and lists are not compared, as
 * the client chooses `given`.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  if (given.length > LONGEST) return undefined
  let best: string | undefined
  let least = Math.max(1, Math.floor(given.length / 3)) + 1
  for (const name of names.slice(0, MOST)) {
    if (name.length > LONGEST || Math.abs(name.length - given.length) >= least) continue
    const distance = edits(given.toLowerCase(), name.toLowerCase())
    if (distance < least) [best, least] = [name, distance]
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one string into the other. */
function edits(from: string, to: string): number {
  let before: number[] = []
  let above = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1]
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current.push(
        Math.min(
          (above[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (above[column - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (before[column - 2] ?? Infinity) + 1 : Infinity,
        ),
      )
    }
    ;[before, above] = [above, current]
  }
  return above[to.length] ?? 0
}
