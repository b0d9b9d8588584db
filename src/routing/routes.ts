import type { IncomingMessage } from 'node:http'
import { hasBody } from '../content/framing.js'
import { type GatewayError, withoutStack } from '../errors/gateway-error.js'
import { type Check, checkedOptions, oneOf } from '../common/options.js'
import { warnOnce } from '../common/warn.js'
import type { Exchange } from '../exchange/exchange.js'
import { callStep, type Step } from '../exchange/step.js'
import { mountOf, wholePaths } from './mount.js'
import { refuseOverride } from './override.js'
import { namesNoPath, pathOf, readPath, readTarget } from './path.js'
import type { PathOptions } from './segment.js'
import {
  allowedOf,
  compileTable,
  hasOptions,
  type Match,
  type Matcher,
  type Middleware,
  NO_MATCH,
  type Route,
  type RouteTable,
} from './table.js'

/** Options of `routes`. */
export interface RoutesOptions {
  /**
   * What happens to a request that no route matches: `pass` leaves it to what is mounted after,
   * `refuse` answers 404, or 405 with `Allow` where the path is known. @defaultValue `'pass'`
   */
  readonly otherwise?: 'pass' | 'refuse' | undefined
  /**
   * `segment` takes an encoded slash for a part of its segment, as in `group%2Fproject` or
   * `@scope%2Fname`; where it would lead to another route as a slash, it is still refused.
   * @defaultValue `'refuse'`
   */
  readonly encodedSlashes?: 'refuse' | 'segment' | undefined
  /**
   * What happens to a POST on a path of the table that asks for another method in a field such as
   * `X-HTTP-Method-Override`. @defaultValue `'refuse'`
   */
  readonly methodOverride?: 'refuse' | 'pass' | undefined
}

/** How the options of `routes` are checked. */
const ROUTES_CHECKS: Record<keyof RoutesOptions, Check> = {
  otherwise: oneOf('pass', 'refuse'),
  encodedSlashes: oneOf('refuse', 'segment'),
  methodOverride: oneOf('refuse', 'pass'),
}

/**
 * Runs the steps of the route that a request matches, with its path parameters on the exchange.
 *
 * The table maps `'METHOD /path/:param'` or `'METHOD /path/*'` to middlewares in their order; without a
 * method a key matches them all, and `HEAD` follows `GET`. Paths match decoded, in any case, with or
 * without a final slash; the most specific route with the method of the request wins.
 *
 * @throws {TypeError} when a key or an option is wrong, naming it and the fix.
 */
export function routesStep<Routable extends Middleware>(
  table: RouteTable<Routable>,
  options: RoutesOptions = {},
  stepOf: (middleware: Routable) => Step,
): Step {
  return tableStep(table, checkedOptions('routes', options, ROUTES_CHECKS), stepOf)
}

/** What a table of routes is made with. */
export interface TableSettings extends RoutesOptions, Pick<PathOptions, 'matrix'> {
  /** Match the path with the part that the host's router has taken off. */
  readonly whole?: boolean | undefined
}

/** `routesStep` with options that were checked before. */
export function tableStep<Routable extends Middleware>(
  table: RouteTable<Routable>,
  settings: TableSettings,
  stepOf: (middleware: Routable) => Step,
): Step {
  const { otherwise = 'pass', methodOverride = 'refuse', whole = false, matrix } = settings
  const reading = { slashes: settings.encodedSlashes === 'segment', matrix }
  const compiled = { match: compileTable(table, stepOf), whole, reading }
  return function routes(exchange, next) {
    const { method = '', url = '' } = exchange.req
    if (namesNoPath(method, url)) return passOn(NO_MATCH, otherwise, next)
    const found = lookUp(exchange, compiled)
    const isKnown = found.known.length > 0
    if (isKnown && methodOverride === 'refuse') {
      const refused = refuseOverride(exchange.req)
      if (refused) throw refused
    }
    if (isKnown && isPreflight(exchange.req) && !hasOptions(found)) return next()
    if (found.route) return runRoute(found.route, found.params, { exchange, next })
    return passOn(found, otherwise, next)
  }
}

function passOn(
  found: Match,
  otherwise: 'pass' | 'refuse',
  next: () => Promise<unknown>,
): Promise<unknown> {
  if (otherwise === 'refuse') throw notFound(allowedOf(found))
  return next()
}

/** A browser asks before it sends; with a body it is no such question, and would pass unframed. */
function isPreflight(req: IncomingMessage): boolean {
  if (req.method !== 'OPTIONS') return false
  return req.headers['access-control-request-method'] !== undefined && !hasBody(req)
}

interface Table {
  readonly match: Matcher
  readonly whole: boolean
  readonly reading: PathOptions
}

/** The first reading of where the request leads that the table knows, or the last. */
function lookUp(exchange: Exchange, { match, whole, reading }: Table): Match {
  const { method = '', url = '' } = exchange.req
  // Mounted nowhere below, as most are.
  if (exchange.url === url) return match.find(method, readPath(pathOf(url), reading))
  // All of it is checked: what a router has taken off is read by the upstream as well.
  readTarget(exchange.url, reading)
  const paths = whole ? wholePaths(exchange) : [pathOf(url)]
  warnOfMount(exchange, match, whole)
  let found = NO_MATCH
  for (const path of paths) {
    found = match.find(method, readPath(path, reading))
    if (found.known.length > 0) break
  }
  return found
}

/** A table that no request can match lets all of them pass, which nobody would notice. */
function warnOfMount(exchange: Exchange, match: Matcher, whole: boolean): void {
  const mount = mountOf(exchange)
  if (mount === '') return
  const segments = mount.split('/').slice(1)
  if (whole && !match.beginsWith(segments))
    warnOnce(
      match,
      `routes.fromOpenAPI is mounted below ${mount}, and no path of its servers begins with that, so no request matches; correct the servers of the document, or mount it above.`,
    )
  else if (!whole && match.repeats(segments))
    warnOnce(
      match,
      `routes is mounted below ${mount}, and its keys are relative to that, so no request matches; remove ${mount} from the keys.`,
    )
}

function notFound(methods: readonly string[]): GatewayError {
  if (methods.length === 0) return withoutStack('route_not_found')
  return withoutStack('method_not_allowed', { headers: { Allow: methods.join(', ') } })
}

function runRoute(
  { steps, template }: Route,
  params: Match['params'],
  { exchange, next }: { exchange: Exchange; next: () => Promise<unknown> },
): Promise<unknown> {
  exchange.params = params
  exchange.route = template
  return runSteps(steps, exchange, next)
}

function runSteps(
  steps: readonly Step[],
  exchange: Exchange,
  next: () => Promise<unknown>,
): Promise<unknown> {
  let reached = -1
  const run = (index: number): Promise<unknown> => {
    if (index <= reached) return Promise.reject(new Error('next() called multiple times'))
    reached = index
    const step = steps[index]
    return step === undefined ? next() : callStep(step, exchange, () => run(index + 1))
  }
  return run(0)
}
