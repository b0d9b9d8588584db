// Takes the gateways of a scenario in turn, and notes what each round has cost each of them.
import { type Child, type Launch, withChildren } from './child.js'
import type { Cost } from './gateway.js'
import type { Settings } from './gateways/gateway.js'
import { type Ask, type Client, clientOf } from './load.js'
import { recordedAnswer } from './recorded.js'
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

/** What one gateway has cost, round by round. */
export interface Series {
  readonly gateway: string
  readonly rounds: Cost[]
  /** Why it was left out, when it did not start or gave a wrong answer. */
  error?: unknown
}

/** A gateway under load. */
interface Running {
  readonly series: Series
  readonly process: Child
  readonly client: Client
}

/** Turns before the first round, and the requests of each before the share: V8 compiles in them. */
const WARM_UP = { turns: 6, requests: 1000 } as const
/** Part of a round that goes before it unmeasured: the caches of the processor are cold after a pause. */
const RUN_IN = 0.2

/** Runs a scenario; the number of requests in the result is that of one round. */
export async function measure(scenario: Scenario, amount: Amount) {
  const requests = Math.max(scenario.connections ?? 1, Math.round(amount.requests * scenario.share))
  const all: Series[] = scenario.gateways.map((gateway) => ({ gateway, rounds: [] }))
  for (let set = 0; set < amount.sets; set += 1)
    await withChildren(async (launch) => {
      const settings = await settingsOf(scenario, launch)
      const running: Running[] = []
      for (const series of all.filter(({ error }) => error === undefined)) {
        const process = launch('gateway.ts')
        try {
          const url = await createGateway(process, series.gateway, settings)
          const client = clientOf(url, scenario.connections ?? amount.connections)
          await openUp(client, scenario)
          running.push({ series, process, client })
        } catch (error) {
          series.error = error
        }
      }
      for (let turn = 0; turn < WARM_UP.turns; turn += 1)
        for (const { client } of running)
          await client.send(scenario.ask, WARM_UP.requests * scenario.share)
      for (let round = 0; round < Math.ceil(amount.rounds / amount.sets); round += 1)
        for (const one of round % 2 === 0 ? running : running.toReversed())
          one.series.rounds.push(await runRound(one, scenario.ask, requests))
      for (const { client } of running) await client.close()
    })
  return { requests, series: all }
}

async function runRound({ process, client }: Running, ask: Ask, requests: number): Promise<Cost> {
  await client.send(ask, Math.ceil(requests * RUN_IN))
  await process.ask('begin')
  await client.send(ask, requests)
  return process.ask<Cost>('end')
}

/** The first requests: they open the circuit, and show whether the answers are right. */
async function openUp(client: Client, { ask, opens }: Scenario): Promise<void> {
  if (opens) await client.send({ ...ask, right: () => true }, 100)
  await client.send(ask, 10)
}

const createGateway = (process: Child, file: string, settings: Settings) =>
  process.ask<string>('create', { file, settings })

/** Starts the upstream, and says what the gateways are to be like. */
async function settingsOf(scenario: Scenario, launch: Launch): Promise<Settings> {
  const upstream = launch('upstream.ts')
  const target = await upstream.ask<string>('listen')
  // Nothing listens there from now on.
  if (scenario.upstream === 'down') await upstream.ask('close')
  const settings = { target, limit: scenario.limit, opens: scenario.opens }
  if (!scenario.gateways.includes('plain')) return settings
  const guard = launch('gateway.ts')
  const url = await createGateway(guard, 'guard', settings)
  return { ...settings, recorded: await recordedAnswer(url, scenario) }
}
