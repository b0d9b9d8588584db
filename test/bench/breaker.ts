// What a circuit breaker costs: the same proxy with and without it, in turns, in one process.
import { Agent, createServer, get, type RequestListener } from 'node:http'
import process from 'node:process'
import { circuitBreaker, listener } from 'good-gateway'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { listen } from '../support/servers.js'

const ROUNDS = Number(process.argv[2] ?? 12)
const REQUESTS = 1500
const CONCURRENT = 16

const upstream = await listen(createServer((_req, res) => res.end('{"status":"ok"}')))
const forward = createForward()
const proxy: RequestListener = (req, res) => forward(req, res, upstream.url)
const gateways = {
  bare: await listen(createServer(proxy)),
  guarded: await listen(createServer(listener(circuitBreaker({ name: 'bench' }), proxy))),
}
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT })

const ask = (url: string) =>
  new Promise<void>((resolve, reject) => {
    get(url, { agent }, (res) => res.resume().once('end', resolve)).once('error', reject)
  })

/** Processor time in microseconds for each request, the client and the upstream included. */
async function round(url: string): Promise<number> {
  const before = process.cpuUsage()
  let left = REQUESTS
  await Promise.all(
    Array.from({ length: CONCURRENT }, async () => {
      while (left-- > 0) await ask(url)
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / REQUESTS
}

const times: Record<keyof typeof gateways, number[]> = { bare: [], guarded: [] }
for (const { url } of Object.values(gateways)) await round(url)
for (let at = 0; at < ROUNDS; at++) {
  const order = at % 2 === 0 ? (['bare', 'guarded'] as const) : (['guarded', 'bare'] as const)
  for (const name of order) times[name].push(await round(gateways[name].url))
}
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN
const [bare, guarded] = [median(times.bare), median(times.guarded)]
console.log(
  `bench: bare ${bare.toFixed(0)} us, with circuitBreaker ${guarded.toFixed(0)} us for each request, ratio ${(guarded / bare).toFixed(2)}`,
)
agent.destroy()
await Promise.all(Object.values(gateways).map((gateway) => gateway.close()))
await upstream.close()
process.exit()
