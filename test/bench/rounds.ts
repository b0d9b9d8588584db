// Takes the gateways of a scenario in turn, and notes what each round has cost each of them.
import { request } from 'undici'
import { type Child, start } from './child.js'
import type { Cost } from './gateway.js'
import type { Recorded, Settings } from './gateways/gateway.js'
import { type Client, clientOf } from './load.js'
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
}

interface Running {
  readonly process: Child
  readonly client: Client
}

/** Requests that go ahead of the measurement, before the share of the scenario, for the compiler of V8. */
const WARM_UP = 3000

/** Runs a scenario; `requests` of the result are those of one round. */
export async function measure(scenario: Scenario, amount: Amount) {
  const least = scenario.connections ?? 1
  const requests = Math.max(least, Math.round(amount.requests * scenario.share))
  const series: Series[] = scenario.gateways.map((gateway) => ({ gateway, rounds: [] }))
  const rounds = Math.ceil(amount.rounds / amount.sets)
  for (let set = 0; set < amount.sets; set += 1) {
    const connections = scenario.connections ?? amount.connections
    await withGateways(scenario, connections, async (running) => {
      for (const gateway of running) await warmUp(gateway, scenario)
      for (let round = 0; round < rounds; round += 1) {
        const turn = running.map((gateway, at) => ({ gateway, costs: series[at]?.rounds }))
        for (const { gateway, costs } of round % 2 === 0 ? turn : turn.toReversed())
          costs?.push(await roundOf(gateway, scenario, requests))
      }
    })
  }
  return { requests, series }
}

async function roundOf({ process, client }: Running, { ask }: Scenario, requests: number) {
  await process.ask('begin')
  await client.send(ask, requests)
  return process.ask<Cost>('end')
}

async function warmUp({ client }: Running, { ask, opens, share }: Scenario) {
  if (opens) await client.send({ ...ask, right: () => true }, 100)
  await client.send(ask, WARM_UP * share)
}

/** Starts the upstream and all gateways, and ends them whatever happens. */
async function withGateways(
  scenario: Scenario,
  connections: number,
  use: (running: Running[]) => Promise<void>,
): Promise<void> {
  const children: Child[] = []
  const running: Running[] = []
  const launch = (file: string) => {
    const child = start(file)
    children.push(child)
    return child
  }
  try {
    const settings = await settingsOf(scenario, launch)
    for (const file of scenario.gateways) {
      const process = launch('gateway.ts')
      const url = await process.ask<string>('create', { file, settings })
      running.push({ process, client: clientOf(url, connections) })
    }
    await use(running)
  } finally {
    for (const { client } of running) await client.close()
    for (const child of children) child.stop()
  }
}

async function settingsOf(scenario: Scenario, launch: (file: string) => Child): Promise<Settings> {
  const upstream = launch('upstream.ts')
  const target = await upstream.ask<string>('listen')
  // A port that was free a moment ago.
  if (scenario.upstream === 'down') await upstream.ask('close')
  const settings = { target, limit: scenario.limit, opens: scenario.opens }
  if (!scenario.gateways.includes('plain')) return settings
  const guard = launch('gateway.ts')
  const url = await guard.ask<string>('create', { file: 'guard', settings })
  const recorded = await record(url, scenario)
  guard.stop()
  return { ...settings, recorded }
}

/** The answer of the full guard, for the handler that writes the same bytes. */
async function record(url: string, { ask, opens }: Scenario): Promise<Recorded> {
  const client = clientOf(url, 1)
  if (opens) await client.send({ ...ask, right: () => true }, 100)
  await client.close()
  const { statusCode, headers, body } = await request(url + ask.path, {
    method: ask.method,
    body: ask.body ?? null,
    headers: ask.body ? { 'Content-Type': 'application/json' } : {},
  })
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || ofConnection.has(name) ? [] : [[name, value] as const],
  )
  return { status: statusCode, headers: Object.fromEntries(kept), body: await body.text() }
}

/** Fields that Node writes by itself. */
const ofConnection = new Set(['connection', 'keep-alive', 'date', 'content-length'])
