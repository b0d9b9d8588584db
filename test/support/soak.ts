import { createHook } from 'node:async_hooks'
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import process from 'node:process'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { breakers, circuitBreaker, forward, listener, problemDetails } from 'good-gateway'
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
const HEAP_SLACK = 4 * 1024 * 1024
const BODY = 'x'.repeat(20_000)
const EVENTS = ['data: 1\n\n', 'data: 2\n\n']

/** One way of an upstream to treat a request, and what becomes of its answer on the way. */
interface Mood {
  readonly answer: (res: ServerResponse) => void
  /** What arrives whole. */
  readonly whole?: readonly [status: number, body: string]
  /** Of what a part arrives, before the cut. */
  readonly cut?: string
}

const reset: Mood = { answer: (res) => res.socket?.resetAndDestroy() }
const well: Mood = { answer: (res) => res.end(BODY), whole: [200, BODY] }
const moods: readonly Mood[] = [
  well,
  reset,
  {
    answer: (res) => res.writeHead(500, { 'Content-Length': 4 }).end('oops'),
    whole: [500, 'oops'],
  },
  {
    answer: (res) => res.writeHead(503, { 'Retry-After': '0', 'Content-Length': 4 }).end('busy'),
    whole: [503, 'busy'],
  },
  // Hangs until it is given up.
  { answer: () => {} },
  {
    answer: (res) =>
      res.writeHead(200, { 'Content-Length': BODY.length + 1 }).write(BODY, () => res.destroy()),
    cut: BODY,
  },
  { answer: (res) => void res.write(BODY.slice(0, 5000), () => res.destroy()), cut: BODY },
  // A stream that stands still.
  {
    answer: (res) => res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(EVENTS[0]),
    cut: EVENTS.join(''),
  },
  {
    answer(res) {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(EVENTS[0])
      setTimeout(() => res.end(EVENTS[1]), 30)
    },
    whole: [200, EVENTS.join('')],
  },
  { answer: (res) => void res.socket?.end('not http at all\r\n\r\n') },
]

/** Answers well, then fails in many ways, then dies, in turns. */
function createMoody() {
  let phase = 0
  let open = 0
  const timer = setInterval(() => {
    // On a busy machine the worst of times lasts until its failures are enough.
    if (phase % 4 === 3 && soaked().every(({ state }) => state === 'closed')) return
    phase++
    // The waits grow as long as the bad times come back; the soak is about what goes on between.
    for (const entry of soaked()) entry.close()
  }, 400)
  const server = createServer((req, res) => {
    req.resume()
    open++
    res.once('close', () => open--)
    const any = moods[Math.floor(Math.random() * moods.length)] ?? well
    const mood = [well, any, any, reset][phase % 4] ?? well
    res.setHeader('X-Mood', moods.indexOf(mood))
    mood.answer(res)
  })
  return { server, stop: () => clearInterval(timer), open: () => open }
}

/** Runs the soak for so many milliseconds. */
export async function soak(
  milliseconds: number,
  engine: Engine = 'http-proxy',
): Promise<SoakReport> {
  // A test runner sets its own timer once the test has begun.
  await turn()
  const watched = watchResources()
  const moody = createMoody()
  const upstream = await listen(moody.server)
  const gateway = await startGateway(upstream.url, engine)
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
  // While the servers still run: their end would end what was forgotten.
  await until(() => moody.open() === 0, 3000)
  const forgotten = moody.open()
  await gateway.close()
  await upstream.close()
  for (const entry of soaked()) entry.release()
  const late = await settledHeap()
  const faults = [...tally.faults, ...(await watched.leaks())]
  if (forgotten > 0) faults.push(`${forgotten} calls of the upstream were never ended`)
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

const soaked = () => breakers.list().filter(({ name }) => name.startsWith('soak'))

/** Whose calls are soaked: those of http-proxy, or of the package's own proxy. */
export type Engine = 'http-proxy' | 'forward'

function handlerOf(engine: Engine, target: string): RequestListener {
  if (engine === 'forward') return forward({ target })
  const proxy = createForward()
  return (req, res) => proxy(req, res, target)
}

async function startGateway(target: string, engine: Engine): Promise<Listening> {
  const breaker = circuitBreaker({
    name: `soak ${Math.random()}`,
    key: ({ req }) => req.url ?? '',
    timeout: 150,
    idleTimeout: 150,
    // Never reached: a timer that is forgotten is still there at the end.
    totalTimeout: 60_000,
    // Opens in the worst of times only: what is refused tells nothing about calls.
    errorThresholdPercentage: 90,
    volumeThreshold: 20,
    consecutiveFailures: 40,
    resetTimeout: 50,
    rollingCountTimeout: 500,
    capacity: 60,
  })
  return listen(createServer(listener(problemDetails(), breaker, handlerOf(engine, target))))
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

/** Every answer is what the mood of the upstream makes of it, or a standard body. */
function judge({ complete, headers, statusCode = 0 }: IncomingMessage, text: string): Answer {
  if (headers['content-type'] === 'application/problem+json')
    return judgeProblem(text, complete ? statusCode : undefined)
  const { whole, cut } = moods[Number(headers['x-mood'])] ?? {}
  if (complete) {
    const good = whole?.[0] === statusCode && whole[1] === text
    return good ? { kind: 'whole' } : { kind: 'wrong', fault: `wrong: ${statusCode} ${text}` }
  }
  const [sent = ''] = text.split('\n\n\n\nevent: error\n')
  const good = cut?.startsWith(sent) === true
  return good ? { kind: 'cut' } : { kind: 'wrong', fault: `wrongly cut: ${statusCode} ${text}` }
}

function judgeProblem(text: string, statusCode: number | undefined): Answer {
  const { code, status } = JSON.parse(text) as { code: string; status: number }
  const good = status === statusCode && code !== 'gateway_error'
  return good ? { kind: code } : { kind: code, fault: `a wrong standard body: ${text}` }
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

/** Tells at the end what was not there before: also timers that do not hold the process. */
function watchResources() {
  const timers = new Set<number>()
  const warnings: string[] = []
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && timers.add(id)),
    destroy: (id) => void timers.delete(id),
  }).enable()
  // http-proxy uses what newer versions of Node call deprecated.
  const warned = ({ message, name }: Error) =>
    void (name === 'DeprecationWarning' || warnings.push(message))
  process.on('warning', warned)
  const before = resources()
  return {
    async leaks(): Promise<string[]> {
      await until(() => timers.size === 0 && differences(before, resources()).length === 0, 3000)
      hook.disable()
      process.off('warning', warned)
      return [
        ...differences(before, resources()).map((text) => `leaked: ${text}`),
        ...(timers.size > 0 ? [`leaked: ${timers.size} timers`] : []),
        ...warnings.map((text) => `warned: ${text}`),
      ]
    },
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
