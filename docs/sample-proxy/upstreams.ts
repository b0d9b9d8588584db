import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { chat } from './chat.js'
import { run, sendJson, Witness } from './server.js'

/** The embedded healthy upstreams, running. */
export interface Upstreams {
  /** Base URL, without a path. */
  readonly url: string
  /** What has reached them. */
  readonly seen: Witness
  /** Destroys every connection and frees the port. */
  close(): Promise<void>
}

/** One request, with its body read. */
interface Call {
  readonly res: ServerResponse
  /** The last segment of the path. */
  readonly id: string
  readonly bytes: Buffer
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

interface Route {
  readonly path: RegExp
  readonly methods: readonly string[]
  /** Most bytes of a body. */
  readonly limit: number
  readonly act: (call: Call) => unknown
}

const MB = 1024 * 1024
const MAX_CREATED = 50

const bound = { maxOutputLength: MB }
const decoders = new Map<string, (bytes: Buffer) => Buffer>([
  ['gzip', (bytes) => gunzipSync(bytes, bound)],
  ['deflate', (bytes) => inflateSync(bytes, bound)],
  ['br', (bytes) => brotliDecompressSync(bytes, bound)],
])

/**
 * Starts a JSON service (orders 1 to 3 exist), a receiver of webhooks and an OpenAI-compatible chat
 * endpoint on one port of 127.0.0.1.
 */
export async function startUpstreams(): Promise<Upstreams> {
  const seen = new Witness()
  const routes = createRoutes()
  const server = createServer((req, res) => {
    seen.saw('requests')
    res.once('close', () => res.writableFinished || seen.saw('aborted'))
    serve(routes, req, res).catch(() => res.destroy())
  })
  const { port, close } = await run(server, seen)
  return { url: `http://127.0.0.1:${port}`, seen, close }
}

function createRoutes(): readonly Route[] {
  const orders = createOrders()
  return [
    { path: /^\/orders\/([^/]+)$/, methods: ['GET', 'HEAD'], limit: 0, act: orders.show },
    { path: /^\/orders$/, methods: ['POST'], limit: MB, act: orders.create },
    { path: /^\/hooks\/([^/]+)$/, methods: ['POST'], limit: 25 * MB, act: createHooks() },
    { path: /^\/v1\/chat\/completions$/, methods: ['POST'], limit: MB, act: chat },
  ]
}

async function serve(
  routes: readonly Route[],
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  const route = routes.find((candidate) => candidate.path.test(path))
  if (route === undefined) return refuse(res, 404, 'no_such_path')
  if (!route.methods.includes(req.method ?? '')) {
    res.setHeader('Allow', route.methods.join(', '))
    return refuse(res, 405, 'no_such_method')
  }
  const bytes = await read(req, route.limit)
  if (bytes === undefined) return refuse(res, 413, 'too_large')
  const id = route.path.exec(path)?.[1] ?? ''
  await route.act({ res, id, bytes, json: parse(bytes, req.headers['content-encoding']) })
}

// What is too large is read to its end all the same: the client listens only when it has sent all.
async function read(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req) {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
  }
  return size <= limit ? Buffer.concat(chunks) : undefined
}

function parse(bytes: Buffer, encoding = 'identity'): unknown {
  try {
    return JSON.parse((decoders.get(encoding)?.(bytes) ?? bytes).toString())
  } catch {
    return undefined
  }
}

function createOrders() {
  const items = [{ sku: 'tea', qty: 2 }]
  const seed = ['Ada', 'Grace', 'Edsger'].map((customer, at) => ({
    id: `${at + 1}`,
    customer,
    items,
  }))
  const orders = new Map<string, object>(seed.map((order) => [order.id, order]))
  let last = seed.length
  return {
    show({ res, id }: Call): void {
      const order = orders.get(id)
      if (order === undefined) return refuse(res, 404, 'no_such_order', 'Orders 1 to 3 exist.')
      sendJson(res, 200, order)
    },
    create({ res, bytes, json }: Call): void {
      if (!isObject(json)) return refuse(res, 400, 'no_json', 'An order is a JSON object.')
      const order = { ...json, id: `${(last += 1)}` }
      const oldest = last - MAX_CREATED
      if (oldest > seed.length) orders.delete(`${oldest}`)
      orders.set(order.id, order)
      res.setHeader('Location', `/orders/${order.id}`)
      sendJson(res, 201, { ...order, received: receipt(bytes) })
    },
  }
}

function createHooks() {
  let delivery = 0
  return ({ res, id, bytes }: Call): void =>
    sendJson(res, 202, { event: id, delivery: (delivery += 1), ...receipt(bytes) })
}

/** What arrived, so that everyone sees that the gateway forwards byte for byte. */
function receipt(bytes: Buffer) {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(res: ServerResponse, status: number, error: string, message?: string): void {
  sendJson(res, status, { error, message })
}
