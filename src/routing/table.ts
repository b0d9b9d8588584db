import type { Step } from '../exchange/step.js'
import { ANY, type Key, parseKey } from './key.js'
import { begins } from './mount.js'
import type { Readings } from './path.js'
import { refusal } from './segment.js'
import { Trie } from './trie.js'

/** What a table holds, whatever its host passes to it. */
export type Middleware = (...args: never[]) => unknown

/** Middlewares by `'METHOD /path/:param'`, `'METHOD /path/*'`, or a path alone for every method. */
export type RouteTable<Routable> = Readonly<Record<string, Routable | readonly Routable[]>>

/** A key with what it leads to. */
export interface Route {
  readonly key: string
  readonly steps: readonly Step[]
  readonly names: Key['names']
  readonly template: string
}

/** The routes of one pattern of paths, by method. */
type Methods = Map<string, Route>

/** What a table knows of a path. */
export interface Match {
  readonly route: Route | undefined
  readonly params: Readonly<Record<string, string>>
  /** What matches the path as it is, the most specific first. */
  readonly rows: readonly Methods[]
  /** What matches some reading of the path. */
  readonly known: readonly Methods[]
}

/** What is known of a path that leads nowhere. */
export const NO_MATCH: Match = { route: undefined, params: {}, rows: [], known: [] }

/** A table that was compiled. */
export interface Matcher {
  find(method: string, path: Readings): Match
  /** Whether a key can match below these segments. */
  beginsWith(segments: readonly string[]): boolean
  /** Whether all keys begin with exactly these segments. */
  repeats(segments: readonly string[]): boolean
}

/**
 * Compiles a table of routes.
 *
 * @throws {TypeError} when a key is wrong, or two cannot be told apart.
 */
export function compileTable<Routable extends Middleware>(
  table: RouteTable<Routable>,
  stepOf: (middleware: Routable) => Step,
): Matcher {
  if (typeof table !== 'object' || table === null || Array.isArray(table)) {
    throw new TypeError('routes: the table must be an object of keys and middlewares')
  }
  const plain = new Trie<Methods>()
  const loose = new Trie<Methods>()
  const patterns: Key['plain'][] = []
  let readInOneWay = true
  for (const [key, given] of Object.entries(table)) {
    const parsed = parseKey(key)
    const { names, template, method } = parsed
    const route = { key, steps: checkedList(key, given).map(stepOf), names, template }
    refuseBodies(parsed, route)
    patterns.push(parsed.plain)
    readInOneWay &&= parsed.plain.every((token, at) => token === parsed.loose[at])
    for (const [trie, pattern] of [
      [plain, parsed.plain],
      [loose, parsed.loose],
    ] as const)
      register(
        trie.at(pattern, () => new Map()),
        method,
        route,
      )
  }
  const tries = { plain, loose: readInOneWay ? plain : loose }
  return {
    find: (method, path) => find(tries, method, path),
    beginsWith: (segments) => patterns.some((pattern) => begins(pattern, segments, true)),
    repeats: (segments) => patterns.every((pattern) => begins(pattern, segments, false)),
  }
}

interface Tries {
  readonly plain: Trie<Methods>
  /** The same one where each key reads in one way only. */
  readonly loose: Trie<Methods>
}

function find({ plain, loose }: Tries, method: string, path: Readings): Match {
  const rows = plain.find(path.folded)
  const route = routeOf(rows, method)
  const params = route === undefined ? NO_MATCH.params : paramsOf(route, path.plain)
  // Most paths and most tables read in one way only.
  if (path.others === undefined && loose === plain) return { route, params, rows, known: rows }
  const others = (path.others ?? [path.folded]).map((reading) => loose.find(reading))
  for (const other of others.map((found) => routeOf(found, method)))
    if (other !== undefined && other !== route) throw refusal('ambiguous')
  return { route, params, rows, known: [rows, ...others].flat() }
}

function checkedList<Routable extends Middleware>(
  key: string,
  given: Routable | readonly Routable[],
): readonly Routable[] {
  const list: readonly Routable[] = typeof given === 'function' ? [given] : given
  const isList = Array.isArray(list) && list.length > 0
  if (isList && list.every((each) => typeof each === 'function')) return list
  throw new TypeError(
    `routes: ${JSON.stringify(key)}: needs a middleware or a list of at least one`,
  )
}

/** A GET has no body that anything would read (RFC 9110, section 9.3.1): the schema is on the wrong route. */
function refuseBodies({ method }: Key, { key, steps }: Route): void {
  if ((method !== 'GET' && method !== 'HEAD') || !steps.some(({ checksBody }) => checksBody)) return
  throw new TypeError(
    `routes: ${JSON.stringify(key)}: validate({ body }) on a route whose requests have no body; ` +
      'move it to the POST or PUT route, or check { query } or { params } here',
  )
}

function register(methods: Methods, method: string, route: Route): void {
  const other = methods.get(method)
  if (other !== undefined) {
    const [key, first] = [route.key, other.key].map((text) => JSON.stringify(text))
    throw new TypeError(
      `routes: ${key}: cannot be distinguished from ${first}; remove one of the two`,
    )
  }
  methods.set(method, route)
}

/** A more specific path without the method hides nothing: an upstream would not stop at it either. */
function routeOf(found: readonly Methods[], method: string): Route | undefined {
  for (const methods of found) {
    const route =
      methods.get(method) ??
      (method === 'HEAD' ? methods.get('GET') : undefined) ??
      methods.get(ANY)
    if (route !== undefined) return route
  }
  return undefined
}

function paramsOf({ names }: Route, path: readonly string[]): Record<string, string> {
  // No prototype: a parameter may be called anything.
  const params: Record<string, string> = Object.create(null)
  names.forEach((name, index) => {
    if (name === undefined) return
    params[name] = name === '*' ? path.slice(index).join('/') : (path[index] ?? '')
  })
  return params
}

/** The methods of a path, for the field `Allow`. */
export function allowedOf({ rows }: Match): string[] {
  const methods = rows.flatMap((row) => [...row.keys()])
  return [...new Set(methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])))]
}

/** Whether a route is for OPTIONS and for nothing else. */
export const hasOptions = ({ known }: Match): boolean =>
  known.some((methods) => methods.has('OPTIONS'))
