import Negotiator from 'negotiator'
import { bool, callback, type Check, checkedOptions } from '../../common/options.js'
import { withoutStack } from '../../errors/gateway-error.js'
import type { Exchange } from '../../exchange/exchange.js'
import type { Step } from '../../exchange/step.js'
import { respond } from '../../response/respond.js'
import { prometheus, type PrometheusMetrics } from '../prometheus.js'
import { isAt, pathOption, refuseOtherMethods } from '../place.js'
import { isLocal } from './access.js'
import { act } from './actions.js'
import { PAGE_HEADERS, pageOf } from './page.js'
import { Collector } from './collector.js'
import { type Report, reportOf } from './report.js'
import { Streams } from './streams.js'

/** Options of `statusPage`. */
export interface StatusPageOptions {
  /** Path of the page, relative to the mount path, as those of the host's routes are. @defaultValue `'/status'` */
  readonly path?: string
  /**
   * Whether a request may see the page, and act: `true` or a promise of it. Others get 404; what it
   * throws is the answer, such as an http-error 401 with `WWW-Authenticate`.
   *
   * Without it the page is for this machine only: sockets of the loopback interface, to the host
   * `localhost`, `127.0.0.1` or `[::1]`, through no proxy.
   */
  readonly authorize?: (exchange: Exchange) => boolean | Promise<boolean>
  /** Whether the page has buttons that open, close and release circuits; needs `authorize`. @defaultValue `false` */
  readonly actions?: boolean
}

/** The step of `statusPage`, and how to end it. */
export interface StatusPage {
  readonly step: Step
  /** See `StatusPageHandle`. */
  readonly stop: () => void
}

const CHECKS: Record<keyof StatusPageOptions, Check> = {
  path: pathOption,
  authorize: callback,
  actions: bool,
}

/**
 * Shows the state of the gateway: as a page, as JSON, as server-sent events, or as text for Prometheus, by
 * `Accept`.
 *
 * @throws {TypeError} when an option is wrong, or there are `actions` without `authorize`.
 */
export function statusPageStep(options: StatusPageOptions = {}): StatusPage {
  const checked = checkedOptions('statusPage', options, CHECKS)
  const { path = '/status', authorize, actions = false } = checked
  if (actions && authorize === undefined)
    throw new TypeError(
      'statusPage: option "actions" needs "authorize", which says who may act; give both, or leave "actions" out',
    )
  const methods = actions ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD']
  const collector = new Collector()
  const metrics = prometheus()
  const report = () => reportOf(collector)
  const streams = new Streams(report)
  const step: Step = async function statusPage(exchange, next) {
    if (!isAt(exchange, path)) return void (await next())
    if (!(await mayEnter(exchange, authorize))) {
      // `authorize` may have answered by itself, as with a redirect to a login.
      if (exchange.res.headersSent) return
      throw withoutStack('route_not_found')
    }
    refuseOtherMethods(exchange, methods)
    if (exchange.req.method === 'POST') return act(exchange)
    exchange.res.appendHeader('Vary', 'Accept')
    if (wantsStream(exchange)) return streams.open(exchange)
    show(exchange, formOf(preferred(exchange), { report, metrics, actions }))
  }
  const stop = (): void => {
    collector.stop()
    metrics.stop()
    streams.close()
  }
  return { step, stop }
}

/** What `authorize` throws is thrown on: nobody enters by an error. */
async function mayEnter(
  exchange: Exchange,
  authorize: StatusPageOptions['authorize'],
): Promise<boolean> {
  return authorize === undefined ? isLocal(exchange.req) : (await authorize(exchange)) === true
}

const HTML = 'text/html'
const JSON_TYPE = 'application/json'
const EVENTS = 'text/event-stream'
const TEXT = 'text/plain'
/** As Prometheus asks for it, and prefers it to what accepts everything. */
const METRICS = `${TEXT};version=0.0.4`

/** The page is first: what accepts everything is most often a person. */
const TYPES = [HTML, JSON_TYPE, EVENTS, TEXT, METRICS]

/** The type that the client prefers (RFC 9110, section 12.5.1). */
const preferred = ({ req }: Exchange): string => new Negotiator(req).mediaType(TYPES) ?? HTML

/** The head of a stream says nothing without it. */
const wantsStream = (exchange: Exchange): boolean =>
  exchange.req.method === 'GET' && preferred(exchange) === EVENTS

interface Shown {
  readonly report: () => Report
  readonly metrics: PrometheusMetrics
  readonly actions: boolean
}

interface Form {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function formOf(type: string, { report, metrics, actions }: Shown): Form {
  switch (type) {
    case JSON_TYPE:
      return { headers: { 'Content-Type': JSON_TYPE }, body: `${JSON.stringify(report())}\n` }
    case EVENTS:
      return { headers: { 'Content-Type': EVENTS }, body: '' }
    case TEXT:
    case METRICS:
      return { headers: { 'Content-Type': metrics.contentType }, body: metrics.text() }
    default:
      return { headers: PAGE_HEADERS, body: pageOf(report(), actions) }
  }
}

const COMMON = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

function show({ response }: Exchange, { headers, body }: Form): void {
  respond(response, { status: 200, headers: { ...COMMON, ...headers }, body })
}
