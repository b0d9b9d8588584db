import { GatewayError } from '../errors/gateway-error.js'
import { type Check, checkedOptions, oneOf } from '../common/options.js'
import type { Exchange, Step } from '../exchange/exchange.js'
import { ANY, type Key, parseKey } from './key.js'
import { type Readings, readTarget, refusal } from './path.js'
import { Trie } from './trie.js'

type Middleware = (...args: never[]) => unknown

/** Middlewares by `'METHOD /path/:param'`, `'METHOD /path/*'`, or a path alone for every method. */
export type RouteTable<Routable> = Readonly<Record<string, Routable | readonly Routable[]>>

/** Options of `routes`. */
export interface RoutesOptions {
  /**
   * What happens to a request that no route matches: `pass` leaves it to what is mounted after
   * `routes`, `refuse` answers 404, or 405 with `Allow` where the path has other methods.
   * @defaultValue `'pass'`
   */
  readonly otherwise?: 'pass' | 'refuse'
}

interface Route {
  readonly key: string
  readonly steps: readonly Step[]
  readonly names: Key['names']
}

/** The routes of one path pattern, by method. */
type Methods = Map<string, Route>

const CHECKS: Record<keyof RoutesOptions, Check> = {
  otherwise: oneOf('pass', 'refuse'),
}

/**
 * Runs the steps of the route that a request matches, with its path parameters on the exchange.
 *
 * The table maps `'METHOD /path/:param'` or `'METHOD /path/*'` to middlewares in their order. A key
 * without a method matches every method; a `GET` route also matches `HEAD`. Paths are decoded before
 * they are compared, in any case, with or without a final slash. The most specific route that has the
 * method of the request is chosen.
 *
 * @throws {TypeError} when a key or an option is wrong, naming it and the fix.
 */
export function routesStep<Routable extends Middleware>(
  table: RouteTable<Routable>,
  options: RoutesOptions = {},
  stepOf: (middleware: Routable) => Step,
): Step {
  const { otherwise = 'pass' } = checkedOptions('routes', options, CHECKS)
  const match = compileTable(table, stepOf)
  return async function routes(exchange, next) {
    const { method = '', url = '' } = exchange.req
    const found = namesNoPath(method, url) ? [] : match(method, readTarget(url))
    if (!Array.isArray(found)) return runRoute(found, exchange, next)
    if (otherwise === 'refuse') throw notFound(found)
    await next()
  }
}

/** `OPTIONS *` and the authority-form of `CONNECT` (RFC 9112, section 3.2) have no path. */
function namesNoPath(method: string, target: string): boolean {
  return method === 'OPTIONS' ? target === '*' : method === 'CONNECT' && !target.includes('/')
}

/** The route of a request, and its path parameters. */
type Match = { readonly route: Route; readonly params: Record<string, string> }

/** A function that finds the route of a request, or else the methods that the path has routes for. */
function compileTable<Routable extends Middleware>(
  table: RouteTable<Routable>,
  stepOf: (middleware: Routable) => Step,
): (method: string, path: Readings) => Match | string[] {
  if (typeof table !== 'object' || table === null || Array.isArray(table)) {
    throw new TypeError('routes: the table must be an object of keys and middlewares')
  }
  const plain = new Trie<Methods>()
  const loose = new Trie<Methods>()
  for (const [key, given] of Object.entries(table)) {
    const parsed = parseKey(key)
    const route = { key, steps: checkedList(key, given).map(stepOf), names: parsed.names }
    refuseBodies(parsed, route)
    register(
      plain.at(parsed.plain, () => new Map()),
      parsed.method,
      route,
    )
    register(
      loose.at(parsed.loose, () => new Map()),
      parsed.method,
      route,
    )
  }
  return (method, path) => {
    const found = plain.find(path.plain.map((segment) => segment.toLowerCase()))
    const route = routeOf(found, method)
    for (const reading of [path.loose, ...path.cuts]) {
      const other = routeOf(loose.find(reading), method)
      if (other !== undefined && other !== route) throw refusal('ambiguous')
    }
    return route ? { route, params: paramsOf(route, path.plain) } : allowed(found)
  }
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

/** The body of a GET has no meaning (RFC 9110, section 9.3.1): the schema is on the wrong route. */
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

/** A more specific path that lacks the method is skipped: the router of an upstream would skip it too. */
function routeOf(found: readonly Methods[], method: string): Route | undefined {
  const asked = method === 'HEAD' ? ['HEAD', 'GET', ANY] : [method, ANY]
  const routes = found.flatMap((methods) => asked.map((name) => methods.get(name)))
  return routes.find((route) => route !== undefined)
}

function paramsOf({ names }: Route, path: readonly string[]): Record<string, string> {
  // No prototype: a parameter may have any name.
  const params: Record<string, string> = Object.create(null)
  names.forEach((name, index) => {
    if (name === undefined) return
    params[name] = name === '*' ? path.slice(index).join('/') : (path[index] ?? '')
  })
  return params
}

function allowed(found: readonly Methods[]): string[] {
  const methods = found.flatMap((row) => [...row.keys()])
  return [...new Set(methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])))]
}

function notFound(methods: readonly string[]): GatewayError {
  if (methods.length === 0) return new GatewayError('route_not_found')
  return new GatewayError('method_not_allowed', { headers: { Allow: methods.join(', ') } })
}

function runRoute({ route, params }: Match, exchange: Exchange, next: () => Promise<unknown>) {
  exchange.params = params
  return runSteps(route.steps, exchange, next)
}

async function runSteps(
  steps: readonly Step[],
  exchange: Exchange,
  next: () => Promise<unknown>,
): Promise<void> {
  let reached = -1
  const run = async (index: number): Promise<unknown> => {
    if (index <= reached) throw new Error('next() called multiple times')
    reached = index
    const step = steps[index]
    return step === undefined ? next() : step(exchange, () => run(index + 1))
  }
  await run(0)
}
