// Takes the gateways of a scenario in turn, and notes what each round has cost each of them.
import { withChildren } from './child.js'
import type { Ask } from './load.js'
import { type Running, type Series, startAll } from './running.js'
import type { Scenario } from './scenarios.js'

/** How much is measured. */
export interface Amount {
  readonly rounds: number
  /** Requests of a round, before the share of the scenario. */
  readonly requests: number
  readonly connections: number
  /** How many times all processes are started anew; the rounds are shared among them. */
  readonly sets: number
}

/** Turns before the first round, and the requests of each before the share: V8 compiles in them. */
const WARM_UP = { turns: 6, requests: 1000 } as const
/** Part of a round that goes before it unmeasured: the caches of the processor are cold after a pause. */
const RUN_IN = 0.2

/** Runs a scenario; the number of requests in the result is that of one round. */
export async function measure(scenario: Scenario, amount: Amount) {
  const connections = scenario.connections ?? amount.connections
  const share = (requests: number) =>
    Math.max(scenario.connections ?? 1, Math.ceil(requests * scenario.share))
  const requests = share(amount.requests)
  const series: Series[] = scenario.gateways.map((gateway) => ({ gateway, rounds: [] }))
  for (let set = 0; set < amount.sets; set += 1)
    await withChildren(async (launch) => {
      const running = await startAll(series, scenario, connections, launch)
      for (let turn = 0; turn < WARM_UP.turns; turn += 1)
        for (const one of running) await send(one, scenario.ask, share(WARM_UP.requests))
      await inTurn(running, Math.ceil(amount.rounds / amount.sets), (one) =>
        runRound(one, scenario.ask, requests),
      )
      for (const { client } of running) await client.close()
    })
  return { requests, series }
}

/** A B C, C B A, …: what slows the machine down for a while meets all of them. */
export async function inTurn<T>(
  all: readonly T[],
  rounds: number,
  run: (one: T) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1)
    for (const one of round % 2 === 0 ? all : all.toReversed()) await run(one)
}

async function runRound(one: Running, ask: Ask, requests: number): Promise<void> {
  await send(one, ask, Math.ceil(requests * RUN_IN))
  await one.process.ask('begin')
  await send(one, ask, requests)
  one.series.rounds.push(await one.process.ask('end'))
}

async function send({ client, series }: Running, ask: Ask, count: number): Promise<void> {
  try {
    await client.send(ask, count)
  } catch (error) {
    throw new Error(`${series.gateway} fails under load`, { cause: error })
  }
}
