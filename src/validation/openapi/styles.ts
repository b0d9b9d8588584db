/** How a parameter is written (OpenAPI 3.1, section 4.8.12.3). */
export interface Written {
  /** Its name in a request. */
  readonly name: string
  readonly style: string
  readonly explode: boolean
}

/** The styles of each place of a parameter; the first is the default. */
export const STYLES = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form'],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>

const SEPARATORS: Readonly<Record<string, string>> = {
  spaceDelimited: ' ',
  pipeDelimited: '|',
  label: '.',
  matrix: ';',
}

/** What stands between the items of a list, or the members of an object. */
function separatorOf({ style, explode }: Written): string {
  const always = style === 'spaceDelimited' || style === 'pipeDelimited'
  return always || explode ? (SEPARATORS[style] ?? ',') : ','
}

/** Where names are spread over a query, nothing stands between them in one value. */
export const isSpread = ({ style, explode }: Written): boolean => style === 'form' && explode

/** The text without what a style puts before it; undefined when that is missing. */
export function withoutPrefix(
  text: string,
  { style, name }: Written,
  isSplit: boolean,
): string | undefined {
  if (style === 'label') return text.startsWith('.') ? text.slice(1) : undefined
  if (style !== 'matrix') return text
  const prefix = isSplit ? ';' : `;${name}=`
  return text.startsWith(prefix) ? text.slice(prefix.length) : undefined
}

/** The items of a list that is written as one text. */
export function itemsIn(text: string, written: Written): string[] {
  const { style, explode, name } = written
  if (isSpread(written)) return [text]
  const items = text.split(separatorOf(written)).map((item) => item.trim())
  if (style !== 'matrix' || !explode) return items
  // `;id=3;id=4`: each item has the name before it.
  return items.map((item) => (item.startsWith(`${name}=`) ? item.slice(name.length + 1) : item))
}

/** The members of an object that is written as one text; undefined when it is none. */
export function membersIn(text: string, written: Written): Record<string, unknown> | undefined {
  const parts = text === '' ? [] : text.split(separatorOf(written)).map((part) => part.trim())
  const pairs = written.explode ? parts.map(pairOf) : inTwos(parts)
  return pairs.includes(undefined)
    ? undefined
    : collected(pairs.filter((pair) => pair !== undefined))
}

type Pair = readonly [name: string, value: string]

function pairOf(text: string): Pair | undefined {
  const equals = text.indexOf('=')
  return equals === -1 ? undefined : [text.slice(0, equals), text.slice(equals + 1)]
}

function inTwos(parts: readonly string[]): (Pair | undefined)[] {
  const names = parts.filter((_, at) => at % 2 === 0)
  return names.map((name, at) => {
    const value = parts[at * 2 + 1]
    return value === undefined ? undefined : [name, value]
  })
}

function collected(pairs: readonly Pair[]): Record<string, unknown> {
  const found = new Map<string, string | string[]>()
  for (const [name, value] of pairs) {
    const before = found.get(name)
    found.set(name, before === undefined ? value : [before, value].flat())
  }
  return Object.fromEntries(found)
}

const BRACKETS = /^\[([^[\]]*)\]/
/** Most levels of an object in a query. */
const DEEPEST = 8

/** The names in the brackets behind a name: `[a][]` gives `a` and nothing; undefined for anything else. */
export function keysIn(text: string): string[] | undefined {
  const keys: string[] = []
  let rest = text
  while (rest !== '') {
    const found = BRACKETS.exec(rest)
    if (!found || keys.length === DEEPEST) return undefined
    keys.push(found[1] ?? '')
    rest = rest.slice(found[0].length)
  }
  return keys.length > 0 ? keys : undefined
}

/** An object that grows by values at places; a name that is empty appends. */
export type Tree = Map<string, Tree | string | string[]>

/** Puts a value at a place of a tree; false when something else stands there. */
export function put(
  tree: Tree,
  [key = '', ...deeper]: readonly string[],
  value: string | string[],
): boolean {
  const name = key === '' ? String(tree.size) : key
  const before = tree.get(name)
  if (deeper.length === 0) {
    if (before !== undefined) return false
    if (key === '' && Array.isArray(value)) return value.every((item) => put(tree, [''], item))
    tree.set(name, value)
    return true
  }
  if (before !== undefined && !(before instanceof Map)) return false
  const inner: Tree = before ?? new Map()
  tree.set(name, inner)
  return put(inner, deeper, value)
}

/** A tree as an object, and as a list where its names count from 0. */
export function plain(tree: Tree): unknown {
  const entries = [...tree].map(
    ([name, value]) => [name, value instanceof Map ? plain(value) : value] as const,
  )
  const isList = entries.every(([name], at) => name === String(at))
  return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries)
}
