import { Agent, createServer, get, type RequestListener } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { ErrorInfo } from 'good-gateway'
import { startTracing } from './tracing.js'

/*
 * A program: a gateway that is traced answers in every way, each over `http` and over `fetch`, on Koa and
 * on node:http, all on one kept-alive connection. It prints what the spans of the server and the metrics
 * say.
 */

/** One request of the program. */
export interface Row {
  readonly name: string
  readonly transport: string
  readonly host: string
}

/** What is known of one request afterwards. */
export interface Told extends Row {
  readonly span: {
    readonly name: string
    readonly status: number
    readonly attributes: Readonly<Record<string, unknown>>
    readonly traceId: string
    readonly spanId: string
  }
  readonly info: Pick<ErrorInfo, 'code' | 'traceId' | 'spanId'> | undefined
}

/** A measurement of the gateway's own. */
export interface Measured {
  readonly name: string
  readonly unit: string
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, unknown>>
    readonly value: unknown
  }[]
}

/** What the program prints. */
export interface Report {
  readonly told: readonly Told[]
  readonly measured: readonly Measured[]
}

const tracing = startTracing(process.env['OTEL_FROM'] ?? import.meta.filename)
// Only now: what is imported before is not traced.
const { breakers, circuitBreaker, listener, problemDetails, routes, validate } =
  await import('good-gateway')
const koa = await import('good-gateway/koa')
const { openTelemetry } = await import('good-gateway/opentelemetry')
const { default: Koa } = await import('koa')
const { createForward } = await import('../../docs/sample-proxy/forward.js')
const { startFaults } = await import('../../docs/sample-proxy/faults.js')
const { startUpstreams } = await import('../../docs/sample-proxy/upstreams.js')
const { listen, nobody } = await import('../support/servers.js')

const telemetry = openTelemetry(tracing.api)
const faults = await startFaults()
const upstreams = await startUpstreams()

/** Where each row leads to. */
const targets: Readonly<Record<string, string>> = {
  passed: `${upstreams.url}/orders/1`,
  refused: nobody.url,
  timeout: faults.target('hang'),
  open: upstreams.url,
  invalid: upstreams.url,
  broken: faults.target('truncated-chunked'),
  left: faults.target('hang'),
  leftLate: faults.target('stall-body'),
  missing: `${upstreams.url}/orders/99`,
  own: '',
}
const rows = Object.keys(targets)
const forward = createForward()
const infos = new Map<string, ErrorInfo>()
const onError = (_: Error, info: ErrorInfo) => void infos.set(info.path, info)

/** The existing proxy of the gateway, over `http` or `fetch`. */
const proxy: RequestListener = (req, res) => {
  const [, name = '', transport] = (req.url ?? '').split('/')
  const target = targets[name] ?? ''
  if (target === '') return void res.writeHead(404).end('none')
  if (transport === 'fetch') return void overFetch(target, res)
  const { pathname, origin } = new URL(target)
  req.url = pathname
  forward(req, res, origin)
}

async function overFetch(target: string, res: Parameters<RequestListener>[1]): Promise<void> {
  try {
    const response = await fetch(target)
    res.writeHead(response.status)
    for await (const chunk of response.body ?? []) res.write(chunk)
    res.end()
  } catch {
    // The body has broken off, or there was no answer: many proxies know no better.
    if (res.headersSent) res.destroy()
    else res.writeHead(500).end()
  }
}

function table(api: Pick<typeof koa, 'circuitBreaker' | 'validate'>, host: string) {
  return Object.fromEntries(
    rows.map((name) => {
      const circuit = `${name} on ${host}`
      const timeout = name === 'timeout' ? 50 : 30_000
      const breaker = api.circuitBreaker({ name: circuit, timeout, errorThresholdPercentage: 100 })
      if (name === 'open') breakers.get(circuit)?.open()
      if (name !== 'invalid') return [`/${name}/:transport/:host`, [breaker]] as const
      return [`/${name}/:transport/:host`, [api.validate({ query: { required: ['q'] } })]] as const
    }),
  )
}

const onKoa = new Koa()
onKoa.use(koa.problemDetails({ onError }))
onKoa.use(koa.routes(table(koa, 'koa')))
onKoa.use((ctx) => {
  ctx.respond = false
  proxy(ctx.req, ctx.res)
})
const connect = { circuitBreaker, validate } as unknown as Pick<
  typeof koa,
  'circuitBreaker' | 'validate'
>
const onHttp = listener(
  problemDetails({ onError }),
  routes(table(connect, 'http') as unknown as Parameters<typeof routes>[0]),
  proxy,
)
const gateways = {
  koa: await listen(createServer(onKoa.callback())),
  http: await listen(createServer(onHttp)),
}

/** Asks on one connection; in two rows the client leaves. */
async function ask(row: Row, agent: Agent): Promise<void> {
  const path = `/${row.name}/${row.transport}/${row.host}`
  const { port } = gateways[row.host as keyof typeof gateways]
  const before = tracing.spans().filter(isServer).length
  const hung = faults.seen('hang').requests
  const request = get({ port, path, agent, host: '127.0.0.1' }, (res) => {
    res.resume().on('error', () => {})
    if (row.name === 'leftLate') res.once('data', () => request.destroy())
  })
  request.on('error', () => {})
  if (row.name === 'left') {
    await faults.seen('hang').until('requests', hung + 1)
    request.destroy()
  }
  const isOver = () =>
    tracing
      .spans()
      .filter(isServer)
      .some((span) => pathOf(span) === path)
  while (!isOver() || tracing.spans().filter(isServer).length === before) await setImmediate()
}

type Span = ReturnType<typeof tracing.spans>[number]
const { port: koaPort } = gateways.koa
const { port: httpPort } = gateways.http
const pathOf = ({ attributes }: Span): unknown =>
  attributes['url.path'] ?? attributes['http.target']
const isServer = (span: Span): boolean =>
  span.kind === tracing.api.SpanKind.SERVER &&
  [koaPort, httpPort].includes(
    Number(span.attributes['server.port'] ?? span.attributes['net.host.port']),
  )

async function main(): Promise<void> {
  const asked: Row[] = []
  for (const host of Object.keys(gateways)) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (const name of rows)
      for (const transport of ['http', 'fetch']) {
        const row = { name, transport, host }
        await ask(row, agent)
        asked.push(row)
      }
    agent.destroy()
  }
  const spans = new Map(
    tracing
      .spans()
      .filter(isServer)
      .map((span) => [pathOf(span), span]),
  )
  const told = asked.map((row): Told => {
    const path = `/${row.name}/${row.transport}/${row.host}`
    const span = spans.get(path) as Span
    const { name, attributes, status } = span
    const info = infos.get(path)
    return {
      ...row,
      span: { name, attributes, status: status.code, ...span.spanContext() },
      info: info && {
        code: info.code,
        ...(info.traceId !== undefined && { traceId: info.traceId }),
        ...(info.spanId !== undefined && { spanId: info.spanId }),
      },
    }
  })
  const measured = (await tracing.metrics()).map(({ descriptor, dataPoints }) => ({
    name: descriptor.name,
    unit: descriptor.unit,
    points: dataPoints.map(({ attributes, value }) => ({ attributes, value })),
  }))
  const report: Report = { told, measured }
  console.log(JSON.stringify(report))
}

await main()
telemetry.stop()
for (const gateway of Object.values(gateways)) await gateway.close()
await Promise.all([faults.close(), upstreams.close()])
breakers.releaseAll()
await tracing.stop()
