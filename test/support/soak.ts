import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import process from 'node:process'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { breakers, circuitBreaker, listener, problemDetails } from 'good-gateway'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { type Listening, listen } from './servers.js'

/** What a soak has found. */
export interface SoakReport {
  readonly seconds: number
  readonly requests: number
  /** Answers by kind: the upstream's own, a cut stream, or the code of a standard body. */
  readonly answers: Readonly<Record<string, number>>
  /** Bytes of the heap after the first part of the run, and at its end. */
  readonly heap: readonly [early: number, late: number]
  /** Everything that must not be; empty when all is well. */
  readonly faults: readonly string[]
}

const CLIENTS = 64
/** An answer that takes longer than every deadline together is a hung client. */
const HUNG = 5000
/** Growth of the heap that the collector's moods explain. */
const HEAP_SLACK = 8 * 1024 * 1024
const BODY = 'x'.repeat(20_000)
const EVENTS = ['data: 1\n\n', 'data: 2\n\n']

/** One way of an upstream to treat a request. */
type Mood = (req: IncomingMessage, res: ServerResponse) => void

const reset: Mood = (_req, res) => res.socket?.resetAndDestroy()
const moods: readonly Mood[] = [
  (_req, res) => res.end(BODY),
  (_req, res) => res.writeHead(500, { 'Content-Length': 4 }).end('oops'),
  (_req, res) => res.writeHead(503, { 'Retry-After': '0', 'Content-Length': 4 }).end('busy'),
  reset,
  // Hangs until it is given up.
  () => {},
  (_req, res) =>
    res.writeHead(200, { 'Content-Length': BODY.length }).write(BODY, 'utf8', () => res.destroy()),
  (_req, res) => void res.write(BODY.slice(0, 5000), () => res.destroy()),
  // A stream that stands still.
  (_req, res) => res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(EVENTS[0]),
  (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    res.write(EVENTS[0])
    setTimeout(() => res.end(EVENTS[1]), 30)
  },
  (_req, res) => void res.socket?.end('not http at all\r\n\r\n'),
]

/** Answers well, then fails in many ways, then dies, in turns. */
function createMoody() {
  let phase = 0
  const timer = setInterval(() => phase++, 400)
  const listenerOf: Mood = (req, res) => {
    req.resume()
    const at = phase % 4
    const mood =
      at === 0 ? moods[0] : at === 3 ? reset : moods[Math.floor(Math.random() * moods.length)]
    mood?.(req, res)
  }
  return { server: createServer(listenerOf), stop: () => clearInterval(timer) }
}

/** Runs the soak for so many milliseconds. */
export async function soak(milliseconds: number): Promise<SoakReport> {
  // A test runner sets its own timer once the test has begun.
  await turn()
  const before = resources()
  const moody = createMoody()
  const upstream = await listen(moody.server)
  const gateway = await startGateway(upstream.url)
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const tally = new Tally()
  const end = performance.now() + milliseconds
  const early: number[] = []
  const clients = Array.from({ length: CLIENTS }, async (_, id) => {
    while (performance.now() < end) {
      const answer = await ask(gateway.port, agent, id)
      tally.add(answer)
      // A client that obeys; else nearly all that is sent is refused.
      if (answer.kind === 'circuit_open') await wait(25)
      if (id === 0 && performance.now() > end - milliseconds * 0.6) early.push(heapNow())
      if (early.length > 1) early.pop()
    }
  })
  await Promise.all(clients)
  agent.destroy()
  moody.stop()
  await gateway.close()
  await upstream.close()
  for (const entry of breakers.list()) if (entry.name.startsWith('soak')) entry.release()
  const late = await settledHeap()
  await until(() => differences(before, resources()).length === 0, 3000)
  const faults = [
    ...tally.faults,
    ...differences(before, resources()).map((text) => `leaked: ${text}`),
  ]
  const heap = [early[0] ?? late, late] as const
  if (heap[1] - heap[0] > HEAP_SLACK) faults.push(`the heap grew from ${heap[0]} to ${heap[1]}`)
  return {
    seconds: milliseconds / 1000,
    requests: tally.requests,
    answers: tally.answers,
    heap,
    faults,
  }
}

async function startGateway(target: string): Promise<Listening> {
  const forward = createForward()
  const breaker = circuitBreaker({
    name: `soak ${Math.random()}`,
    key: ({ req }) => req.url ?? '',
    timeout: 150,
    idleTimeout: 150,
    totalTimeout: 2000,
    resetTimeout: 50,
    rollingCountTimeout: 500,
    capacity: 60,
  })
  return listen(
    createServer(listener(problemDetails(), breaker, (req, res) => forward(req, res, target))),
  )
}

/** How one request went. */
interface Answer {
  readonly kind: string
  readonly fault?: string
}

/** Sends a request and judges what comes back; now and then it leaves before that. */
function ask(port: number, agent: Agent, id: number): Promise<Answer> {
  return new Promise((resolve) => {
    const method = id % 3 === 0 ? 'POST' : 'GET'
    const call = request({ port, host: '127.0.0.1', agent, method, path: `/${id % 4}` })
    const done = (answer: Answer) => {
      clearTimeout(hung)
      clearTimeout(leaving)
      resolve(answer)
    }
    const hung = setTimeout(() => {
      done({ kind: 'hung', fault: `a client hung for ${HUNG} ms` })
      call.destroy()
    }, HUNG)
    const leaves = Math.random() < 0.03
    const leaving = leaves ? setTimeout(() => call.destroy(), Math.random() * 100) : undefined
    call.on('error', (error) =>
      done(leaves ? { kind: 'left' } : { kind: 'lost', fault: `no answer: ${error.message}` }),
    )
    call.on('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', () => {})
      answer.on('close', () => {
        const text = Buffer.concat(chunks).toString()
        done(leaves ? { kind: 'left' } : judge(answer, text))
      })
    })
    call.end(method === 'POST' ? '{"a":1}' : undefined)
  })
}

/** Every answer is the upstream's bytes, the start of them and a cut, or a standard body. */
function judge(answer: IncomingMessage, text: string): Answer {
  const { complete, headers, statusCode } = answer
  if (headers['content-type'] === 'application/problem+json') {
    const { code, status } = JSON.parse(text) as { code: string; status: number }
    const good = complete && status === statusCode && code !== 'gateway_error'
    return good ? { kind: code } : { kind: code, fault: `a wrong standard body: ${text}` }
  }
  const whole = [BODY, 'oops', 'busy', EVENTS.join('')]
  if (complete) {
    return whole.includes(text)
      ? { kind: 'whole' }
      : { kind: 'wrong', fault: `a wrong body: ${statusCode} ${text}` }
  }
  const [sent = ''] = text.split('\n\n\n\nevent: error\n')
  const cut = BODY.startsWith(sent) || EVENTS.join('').startsWith(sent)
  return cut ? { kind: 'cut' } : { kind: 'wrong', fault: `a wrong start: ${statusCode} ${text}` }
}

class Tally {
  readonly answers: Record<string, number> = {}
  readonly faults: string[] = []
  requests = 0

  add({ kind, fault }: Answer): void {
    this.requests++
    this.answers[kind] = (this.answers[kind] ?? 0) + 1
    if (fault !== undefined && this.faults.length < 20) this.faults.push(fault)
  }
}

/** What the event loop holds, and who listens to the process. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  for (const event of process.eventNames()) {
    counts[`listeners of ${String(event)}`] = process.listenerCount(event)
  }
  return counts
}

const differences = (before: Record<string, number>, after: Record<string, number>): string[] =>
  Object.entries(after)
    .filter(([name, count]) => count > (before[name] ?? 0) && name !== 'Immediate')
    .map(([name, count]) => `${count - (before[name] ?? 0)} ${name}`)

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (!condition() && performance.now() < end) await turn()
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heapNow = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

async function settledHeap(): Promise<number> {
  await turn()
  return heapNow()
}

/** One plain line. */
export function summaryOf({ seconds, requests, answers, heap, faults }: SoakReport): string {
  const kinds = Object.entries(answers).map(([kind, count]) => `${count} ${kind}`)
  const [early, late] = heap.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`)
  return `soak: ${seconds} s, ${requests} requests (${kinds.join(', ')}), heap ${early} -> ${late}, ${faults.length} faults`
}
