const LONGEST = 64
const MOST = 100

/**
 * The name that is closest to `given`, which is probably a typing error; undefined when none is close.
 *
 * Close means that at most a third of the letters differ, or one. Names over 64 characters, and all
 * names after the first 100, are not compared: `given` can come from a client.
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

/** The edit distance of two strings, in which a swap of two neighbours counts as one edit. */
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
