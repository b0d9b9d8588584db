// Run as a process of its own with --expose-gc: counts what is left of requests that are over.
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import * as openTelemetryApi from '@opentelemetry/api'
import httpProxy from 'http-proxy'
import { Registry } from 'prom-client'
import { request as undiciRequest } from 'undici'
import {
  circuitBreaker,
  type ConnectMiddleware,
  forward,
  listener,
  members,
  problemDetails,
  statusPage,
  type StreamEvent,
  transform,
  validate,
} from 'good-gateway'
import { logProblems } from 'good-gateway/log'
import { openTelemetry } from 'good-gateway/opentelemetry'
import { prometheus } from 'good-gateway/prometheus'
import { shareCircuits } from 'good-gateway/redis'
import { MemoryStore } from '../fleet-store.js'
import { listen } from '../servers.js'

/** How many of the objects of a kind are left. */
export interface Survivors {
  readonly requests: number
  readonly responses: number
  readonly calls: number
  readonly exchanges: number
}

/** What the process tells. */
export interface Report {
  readonly remembered: number
  /** After a full collection. */
  readonly left: Survivors
  /** Bytes of each request that two collections of the young generation have left. */
  readonly promotedPerRequest: number
}

const WARM_UP = 400
const REQUESTS = 600
const REMEMBERED = 100
const MOST_LOOKS = 20
/** A weak reference keeps its object through the collections of the young generation. */
let isRemembering = false
const EXCHANGE = Symbol.for('good-gateway.exchange/2')
const kinds = { requests: [], responses: [], calls: [], exchanges: [] } as Record<
  keyof Survivors,
  WeakRef<object>[]
>

const upstream = await listen(
  createServer((req, res) => {
    if (req.url === '/stream') {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      res.write('data: one\n\n')
      setImmediate(() => res.end('data: two\n\n'))
    } else req.resume().once('end', () => res.end('{"ok":true}'))
  }),
)
const agent = new Agent({ keepAlive: true })
const proxy = httpProxy.createProxyServer({ agent, target: upstream.url })
const own = forward({ target: upstream.url })
const [, , , , engine] = process.argv
const schema = { type: 'object', required: ['id'] }
const handler = (req: IncomingMessage, res: ServerResponse): void => {
  if (isRemembering) remember(req, res)
  if (engine === 'forward') own(req, res)
  else if (engine === 'undici') void byUndici(req, res)
  else proxy.web(req, res)
}
async function byUndici(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const headers = { 'content-length': req.headers['content-length'] ?? '0' }
  const answer = await undiciRequest(upstream.url, { method: 'POST', body: req, headers })
  await pipeline(answer.body, res.writeHead(answer.statusCode))
}
function remember(req: IncomingMessage, res: ServerResponse): void {
  kinds.requests.push(new WeakRef(req))
  kinds.responses.push(new WeakRef(res))
  const exchange = (req as unknown as Record<symbol, object | undefined>)[EXCHANGE]
  if (exchange) kinds.exchanges.push(new WeakRef(exchange))
}
const guard: ConnectMiddleware[] = [
  problemDetails(),
  validate({ body: schema }),
  circuitBreaker({ name: 'orders' }),
]
const parts = engine === 'all parts' ? startAllParts() : []
const gateway = await listen(
  createServer(engine === 'bare' ? handler : listener(...guard, handler)),
)
/** Everybody who listens to events, looks at responses, or shares circuits. */
function startAllParts(): { stop(): unknown }[] {
  const page = statusPage()
  guard.unshift(page)
  guard.push(transform({ ...members({ add: { by: 'all parts' } }), events: passEvents }))
  const logger = { warn() {}, error() {}, info() {} }
  return [
    page,
    prometheus({ registry: new Registry() }),
    openTelemetry(openTelemetryApi),
    logProblems(logger),
    shareCircuits(new MemoryStore(), { fleet: 'survivors' }),
  ]
}
function passEvents() {
  return { push: (event: StreamEvent) => [event], end: () => [] }
}
subscribe('http.client.response.finish', (message) => {
  const { request: call } = message as { request: { agent?: unknown } & object }
  if (isRemembering && call.agent === agent) kinds.calls.push(new WeakRef(call))
})

const [method = 'GET', path = '/'] = process.argv.slice(2)
const client = new Agent({ keepAlive: true, maxSockets: 4 })

async function send(): Promise<void> {
  const headers = method === 'POST' ? { 'Content-Type': 'application/json' } : {}
  const sent = request(`${gateway.url}${path}`, { method, agent: client, headers })
  sent.end(method === 'POST' ? '{"id":1}' : undefined)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
  await once(response.resume(), 'close')
}

async function sendAll(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 4) await Promise.all([send(), send(), send(), send()])
  // All that was to run after the last answer has run by then.
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
}

const collect = globalThis.gc as unknown as (options?: { type: 'minor' }) => void

/** Bytes that have outlived the collections of the young generation. */
function promoted(): number {
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => name === 'old_space' || name === 'large_object_space')
    .reduce((sum, { space_used_size: used }) => sum + used, 0)
}

const left = (): Survivors =>
  Object.fromEntries(
    Object.entries(kinds).map(([kind, refs]) => [
      kind,
      refs.filter((ref) => ref.deref() !== undefined).length,
    ]),
  ) as unknown as Survivors

await sendAll(WARM_UP)
const before = promoted()
await sendAll(REQUESTS)
const promotedPerRequest = Math.round((promoted() - before) / REQUESTS)

isRemembering = true
await sendAll(REMEMBERED)
/** On a busy machine the last connections take their time to become free. */
async function settled(): Promise<Survivors> {
  for (let look = 1; ; look++) {
    collect()
    const seen = left()
    if (look === MOST_LOOKS || Object.values(seen).every((count) => count === 0)) return seen
    // A reference that was read is kept until the end of the turn.
    await wait(20)
  }
}
const report: Report = {
  remembered: kinds.requests.length,
  left: await settled(),
  promotedPerRequest,
}
process.stdout.write(JSON.stringify(report))
client.destroy()
agent.destroy()
for (const part of parts) await part.stop()
await gateway.close()
await upstream.close()
