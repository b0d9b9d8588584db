/** A parameter as it came: several values when its name was repeated. */
export type Raw = string | string[]

/** The values of each name, in their order. */
export function collect(pairs: Iterable<[string, string]>): Map<string, Raw> {
  const found = new Map<string, Raw>()
  for (const [name, value] of pairs) {
    const seen = found.get(name)
    if (Array.isArray(seen)) seen.push(value)
    else found.set(name, seen === undefined ? value : [seen, value])
  }
  return found
}

/** Whether all percent escapes are whole, and UTF-8. */
export function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
