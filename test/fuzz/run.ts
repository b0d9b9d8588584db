import { createServer, request } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { listen, type Listening } from '../support/servers.js'
import { CAPACITY, circuitOf, type Fuzzed, release } from './gateways.js'
import { answerScript, plainScript, requestScript, type Script } from './messages.js'
import { Random } from './random.js'

/** What is random: what clients send, or what upstreams answer. */
export type Kind = 'requests' | 'answers'

/** Milliseconds after which no connection of a client may be open. */
const LONGEST = 5000
/** Clients at once. */
const AT_ONCE = 24
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** Runs cases from a seed on through a gateway, and tells what went wrong. */
export async function fuzz(
  gateway: Fuzzed,
  kind: Kind,
  seed: number,
  count: number,
): Promise<string[]> {
  const faults: string[] = []
  const open = new Set<number>()
  const during = () => `${gateway.name}, ${kind}, among the seeds ${[...open].join(' ')}`
  const caught = (error: unknown) =>
    void faults.push(`${during()}: ${error instanceof Error ? error.stack : String(error)}`)
  process.on('uncaughtException', caught)
  const upstream = new Upstream(kind)
  await upstream.start()
  const name = `fuzz of ${kind} on ${gateway.name}`
  const created = gateway.create(upstream.url, circuitOf(name))
  /** The connections that are open, by the port of their client. */
  const sockets = new Map<number | undefined, Socket>()
  created.on('connection', (socket: Socket) => {
    const { remotePort } = socket
    sockets.set(remotePort, socket)
    socket.once('close', () => sockets.delete(remotePort))
  })
  const server = await listen(created)
  /** Whose connection it is, by the port of the client. */
  const ports = new Map<number | undefined, number>()
  let next = seed
  const work = async () => {
    while (next < seed + count) {
      const at = next++
      open.add(at)
      const random = new Random(at)
      const script = kind === 'requests' ? requestScript(random) : plainScript(random, at)
      if (kind === 'answers') upstream.answers.set(String(at), answerScript(random))
      if (!(await play(server.port, script, (port) => ports.set(port, at))))
        faults.push(`${gateway.name}, ${kind}, seed ${at}: the connection stayed open`)
      open.delete(at)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  for (let waited = 0; server.connections() > 0 && waited < LONGEST; waited += 50) await pause(50)
  for (const remotePort of sockets.keys())
    faults.push(`${gateway.name}, ${kind}, seed ${ports.get(remotePort)}: left open by the gateway`)
  const lost = CAPACITY - (await placesIn(server, upstream))
  if (lost > 0) faults.push(`${gateway.name}, ${kind}: ${lost} places lost`)
  await Promise.all([server.close(), upstream.close()])
  release(name)
  process.off('uncaughtException', caught)
  return faults
}

/** Plays a client; whether its connection has closed in time. */
async function play(
  port: number,
  { packets, ending }: Script,
  connected: (port: number | undefined) => void,
): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.setNoDelay(true).on('error', () => {})
  socket.once('connect', () => connected(socket.localPort))
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)))
  let isSwitched = false
  if (ending !== 'deaf')
    socket.on('data', (part: Buffer) => {
      if (!part.includes('HTTP/1.1 101 ') || isSwitched) return
      isSwitched = true
      // Nobody else would end what is no HTTP any more.
      setTimeout(() => socket.destroy(), 20)
    })
  socket.once('end', () => socket.end())
  for (const packet of packets) {
    if (!socket.writable) break
    await new Promise((resolve) => socket.write(packet, () => setImmediate(resolve)))
  }
  await leave(socket, ending)
  const late = new AbortController()
  const inTime = await Promise.race([
    closed,
    pause(LONGEST, false, { signal: late.signal }).catch(() => false),
  ])
  late.abort()
  socket.destroy()
  return inTime
}

async function leave(socket: Socket, ending: Script['ending']): Promise<void> {
  if (ending === 'end') socket.end()
  if (ending === 'destroy') socket.destroy()
  if (ending === 'deaf') await pause(200)
  if (ending === 'deaf' || ending === 'reset') socket.resetAndDestroy()
}

/** What is behind the gateway: a good server, or one that answers as it is told. */
class Upstream {
  readonly answers = new Map<string, Script>()
  readonly #kind: Kind
  /** Whether it says nothing any more, for the count of the places. */
  isSilent = false
  #server: Listening | undefined

  constructor(kind: Kind) {
    this.#kind = kind
  }

  get url(): string {
    return this.#server?.url ?? ''
  }

  async start(): Promise<void> {
    this.#server = await listen(this.#kind === 'requests' ? this.#good() : this.#bad())
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }

  #good() {
    const server = createServer((req, res) => {
      if (this.isSilent) return
      req.resume().once('end', () => res.end('ok'))
    })
    server.on('upgrade', (_req, socket) => {
      socket.on('error', () => {})
      socket.write(SWITCHED)
      socket.once('end', () => socket.end())
      socket.resume()
    })
    return server
  }

  #bad() {
    return createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (head: Buffer) => {
        if (this.isSilent) return
        const script = this.answers.get(/ \/(\d+) /.exec(head.toString('latin1'))?.[1] ?? '')
        if (script) void speak(socket, script)
        else socket.end()
      })
    })
  }
}

async function speak(socket: Socket, { packets, ending }: Script): Promise<void> {
  for (const packet of packets) {
    if (!socket.writable) return
    await new Promise((resolve) => socket.write(packet, () => setImmediate(resolve)))
  }
  if (ending === 'end') socket.end()
  else if (ending === 'reset') socket.resetAndDestroy()
}

/** How many requests the gateway lets through at once, to an upstream that says nothing. */
async function placesIn({ port }: Listening, upstream: Upstream): Promise<number> {
  upstream.isSilent = true
  let places = CAPACITY
  const requests = Array.from({ length: CAPACITY }, async () => {
    const call = request({ port, host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume()
      if (answer.statusCode === 503) places--
    })
    call.on('error', () => {}).end()
    await new Promise((resolve) => call.once('close', resolve))
  })
  await Promise.all(requests)
  return places
}
