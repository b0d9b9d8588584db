// How many requests a second one core serves, beside nginx.
import process from 'node:process'
import type { Load } from './light-load.js'
import { markdown } from './markdown.js'
import { type Amount, inTurn } from './rounds.js'
import { scenarioOf } from './scenarios.js'
import { nginxVersion } from './nginx.js'
import { onOneCore, placing } from './one-core.js'
import { cpuOf } from './pinning.js'
import { namesOf, quartiles, type Section } from './report.js'
import { median, ratiosOf } from './statistics.js'

const gateways = ['nginx', 'forward', 'forward-koa', 'bare', 'fastify', 'nginx']
/** Requests of a round and of its unmeasured beginning, for each that was asked for. */
const [ROUND, RUN_IN] = [5, 1]
/** Requests before the first round: V8 compiles in them. */
const WARM_UP = 12_000

/** A round of one gateway. */
interface Served {
  /** Requests a second. */
  readonly rate: number
  /** Requests that one second of the core's time serves. */
  readonly perCpuSecond: number
  /** The part of the time in which the gateway used its core. */
  readonly busy: number
}

/** What one gateway has served, round by round. */
interface Serving {
  readonly gateway: string
  readonly rounds: Served[]
}

/** How the gateways stand beside nginx, with the requests of a scenario. */
export async function besideNginx(scenario: string, amount: Amount): Promise<Section> {
  const { title } = scenarioOf(scenario)
  const version = nginxVersion()
  // The processor time of nginx is read from /proc.
  if (version === undefined || process.platform !== 'linux')
    return {
      title: `${title}, beside nginx`,
      table: 'Skipped: no nginx on Linux here.',
      figures: null,
    }
  const serving = await serve(scenario, amount)
  return {
    title: `${title}, beside nginx ${version} (${amount.rounds} rounds of ${ROUND * amount.requests} requests, ${placing()})`,
    table: servingTable(serving),
    figures: serving,
    limited: [
      {
        what: `${title}: requests per second of CPU, forward to nginx`,
        measured: median(ratiosTo(serving[0], serving[1])),
        atLeast: 0.33,
      },
    ],
  }
}

/** The gateways in turn. */
async function serve(
  scenario: string,
  { rounds, requests, connections }: Amount,
): Promise<readonly Serving[]> {
  return onOneCore(gateways, async (placed, load) => {
    const send = (url: string, count: number) =>
      load.ask<number>('closed', { url, scenario, connections, requests: count } satisfies Load)
    const all = placed.map((one) => ({ ...one, rounds: [] as Served[] }))
    for (const { url } of all) await send(url, WARM_UP)
    await inTurn(all, rounds, async ({ url, pid, rounds: served }) => {
      await send(url, RUN_IN * requests)
      served.push(await serveRound(pid, ROUND * requests, () => send(url, ROUND * requests)))
    })
    return all.map(({ gateway, rounds: served }) => ({ gateway, rounds: served }))
  })
}

async function serveRound(
  pid: number,
  requests: number,
  send: () => Promise<number>,
): Promise<Served> {
  const before = cpuOf(pid)
  const rate = await send()
  const cpu = (cpuOf(pid) - before) / 1000
  return { rate, perCpuSecond: requests / cpu, busy: (cpu * rate) / requests }
}

/** Against the reference, round by round. */
const ratiosTo = (reference: Serving | undefined, one: Serving | undefined) =>
  ratiosOf(perCpuSecond(one), perCpuSecond(reference))

const perCpuSecond = (one: Serving | undefined) =>
  one?.rounds.map((served) => served.perCpuSecond) ?? []

/** A table of Markdown: medians, and the ratios to the reference in the same round. */
function servingTable(all: readonly Serving[]): string {
  const names = namesOf(all)
  return markdown(
    [
      'gateway',
      'ratio',
      'quartiles',
      'requests per second of CPU',
      'requests per second',
      'core in use',
    ],
    all.map((one, at) => {
      const { rounds } = one
      const ratios = ratiosTo(all[0], one)
      return [
        names[at] ?? '',
        median(ratios).toFixed(2),
        quartiles(ratios),
        median(perCpuSecond(one)).toFixed(0),
        median(rounds.map(({ rate }) => rate)).toFixed(0),
        `${(100 * median(rounds.map(({ busy }) => busy))).toFixed(0)} %`,
      ]
    }),
  )
}
