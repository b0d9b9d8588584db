/*
 * What a translated call costs a gateway, against the same call passed on by `forward`: processor time
 * of the gateway's own process, in turns, medians. `node --import tsx test/bench/llm-gateway.ts`
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import { join } from 'node:path'
import { listen } from '../support/servers.js'

const ROUNDS = Number(process.argv[2] ?? 9)

const text = 'The quick brown fox jumps over the lazy dog. '.repeat(20)
const usage = { input_tokens: 1, output_tokens: 1 }
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'text', text }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
}
const frame = (data: { type: string }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
const EVENTS = 1000
const STREAM = [
  frame({ type: 'message_start', message: { ...message, content: [] } } as { type: string }),
  ...Array.from({ length: EVENTS }, () =>
    frame({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: ' token' },
    } as { type: string }),
  ),
  frame({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage } as { type: string }),
  frame({ type: 'message_stop' }),
]

const upstream = await listen(
  createServer((req, res) => {
    let isStream = false
    req.on('data', (chunk: Buffer) => {
      isStream ||= chunk.includes('"stream":true')
    })
    req.once('end', () => {
      if (!isStream)
        return res.setHeader('content-type', 'application/json').end(JSON.stringify(message))
      res.setHeader('content-type', 'text/event-stream')
      // One event a chunk, as a model sends them.
      const next = (at: number): void => {
        if (at === STREAM.length) res.end()
        else res.write(STREAM[at], () => setImmediate(next, at + 1))
      }
      return next(0)
    })
  }),
)

const agent = new Agent({ keepAlive: true, maxSockets: 8 })
const ask = (port: number, body: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    request({ port, agent, method: 'POST', path: '/v1/chat/completions', headers }, (res) => {
      if (res.statusCode !== 200) reject(new Error(`status ${res.statusCode}`))
      res.resume().once('end', resolve)
    })
      .once('error', reject)
      .end(body)
  })

interface Gateway {
  readonly child: ChildProcess
  readonly port: number
}

async function start(kind: string): Promise<Gateway> {
  const child = fork(join(import.meta.dirname, 'llm-child.ts'), [kind, upstream.url], {
    execArgv: ['--import', 'tsx'],
  })
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

async function cpu({ child }: Gateway): Promise<number> {
  const told = once(child, 'message')
  child.send('cpu')
  const [{ user, system }] = (await told) as [NodeJS.CpuUsage]
  return user + system
}

/** Microseconds of the gateway for one request. */
async function round(gateway: Gateway, body: string, count: number): Promise<number> {
  const before = await cpu(gateway)
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await ask(gateway.port, body)
  }
  await Promise.all(Array.from({ length: Math.min(8, count) }, worker))
  return ((await cpu(gateway)) - before) / count
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

const plain = await start('plain')
const translated = await start('translated')
const body = (content: unknown, more = {}): string =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], ...more })
const image = [
  { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(5_000_000)}` } },
]

for (const [name, content, count] of [
  ['1 KB of JSON', body(text), 1500],
  [`a stream of ${EVENTS} events`, body('x', { stream: true }), 24],
  ['5 MB of image', body(image), 8],
] as const) {
  const times = { plain: [] as number[], translated: [] as number[] }
  await round(plain, content, count)
  await round(translated, content, count)
  for (let at = 0; at < ROUNDS; at++) {
    times.plain.push(await round(plain, content, count))
    times.translated.push(await round(translated, content, count))
  }
  const [before, after] = [median(times.plain), median(times.translated)]
  const each = name.includes('events')
    ? `, ${((after - before) / EVENTS).toFixed(2)} µs more per event`
    : ''
  console.log(
    `${name}: ${before.toFixed(0)} µs passed on, ${after.toFixed(0)} µs translated, ratio ${(after / before).toFixed(2)}${each}`,
  )
}
agent.destroy()
plain.child.kill()
translated.child.kill()
await upstream.close()
