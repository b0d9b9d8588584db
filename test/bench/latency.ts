// How long answers take at half of the load that the slowest gateway bears.
import type { Latencies, Load, OpenLoad } from './light-load.js'
import { markdown } from './markdown.js'
import { onOneCore, placing } from './one-core.js'
import { namesOf, quartiles, type Section } from './report.js'
import { type Amount, inTurn } from './rounds.js'
import { scenarioOf } from './scenarios.js'
import { median, ratiosOf } from './statistics.js'

const gateways = ['bare', 'guard', 'forward-koa', 'forward', 'fastify', 'bare']
/** Seconds of a round, and of its unmeasured beginning. */
const [ROUND, RUN_IN] = [2, 0.2]
/** Requests before the first round: V8 compiles in them. */
const WARM_UP = 12_000
/** How often, and by how many requests for each asked for, the highest load of a gateway is looked for. */
const [LOOKS, LOOK] = [3, 5]

/** The latencies of one gateway, round by round. */
interface Waiting {
  readonly gateway: string
  readonly rounds: Latencies[]
}

/** Latencies of the gateways, with the requests of a scenario. */
export async function latency(scenario: string, amount: Amount): Promise<Section> {
  const { rate, all } = await wait(scenario, amount)
  const load = `${rate.toFixed(0)} requests per second, ${amount.rounds} rounds of ${ROUND} s`
  const { title } = scenarioOf(scenario)
  const limited = ['bare', 'fastify'].map((other) => ({
    what: `Latency, ${title}: p99 of forward to ${other}`,
    measured: median(ratiosTo(named(all, other), named(all, 'forward'))),
    atMost: 1,
  }))
  return {
    limited,
    title: `Latency: ${title} (${load}, ${placing()})`,
    table: waitingTable(all),
    figures: { rate, all },
  }
}

/** The gateways in turn, all at the same rate. */
async function wait(
  scenario: string,
  { rounds, requests, connections }: Amount,
): Promise<{ readonly rate: number; readonly all: readonly Waiting[] }> {
  return onOneCore(gateways, async (placed, load) => {
    const ask = (url: string, count: number): Load => ({
      url,
      scenario,
      connections,
      requests: count,
    })
    const highest = (url: string, count: number) => load.ask<number>('closed', ask(url, count))
    const all = placed.map((one) => ({ ...one, rates: [] as number[], rounds: [] as Latencies[] }))
    for (const { url } of all) await highest(url, WARM_UP)
    await inTurn(all, LOOKS, async ({ url, rates }) => {
      rates.push(await highest(url, LOOK * requests))
    })
    const rate = Math.min(...all.map(({ rates }) => median(rates))) / 2
    const open = (url: string, seconds: number) =>
      load.ask<Latencies>('open', {
        ...ask(url, Math.ceil(rate * seconds)),
        rate,
      } satisfies OpenLoad)
    await inTurn(all, rounds, async ({ url, rounds: waited }) => {
      await open(url, RUN_IN)
      waited.push(await open(url, ROUND))
    })
    return { rate, all: all.map(({ gateway, rounds: waited }) => ({ gateway, rounds: waited })) }
  })
}

const named = (all: readonly Waiting[], name: string) => all.find(({ gateway }) => gateway === name)

const p99 = (one: Waiting | undefined) => one?.rounds.map((waited) => waited.p99) ?? []

const ratiosTo = (reference: Waiting | undefined, one: Waiting | undefined) =>
  ratiosOf(p99(one), p99(reference))

/** A table of Markdown: medians in milliseconds, and p99 against the reference in the same round. */
function waitingTable(all: readonly Waiting[]): string {
  const names = namesOf(all)
  return markdown(
    ['gateway', 'p50, ms', 'p99, ms', 'quartiles', 'ratio of p99', 'quartiles'],
    all.map((one, at) => {
      const ratios = ratiosTo(all[0], one)
      return [
        names[at] ?? '',
        median(one.rounds.map(({ p50 }) => p50)).toFixed(2),
        median(p99(one)).toFixed(2),
        quartiles(p99(one)),
        median(ratios).toFixed(2),
        quartiles(ratios),
      ]
    }),
  )
}
