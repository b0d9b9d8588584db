// The gateways of a scenario, started and ready for load.
import type { Child, Launch } from './child.js'
import type { Cost } from './gateway.js'
import type { Settings } from './gateways/gateway.js'
import { type Client, clientOf } from './load.js'
import { recordedAnswer } from './recorded.js'
import type { Scenario } from './scenarios.js'

/** What one gateway has cost, round by round. */
export interface Series {
  readonly gateway: string
  readonly rounds: Cost[]
  /** Why it was left out, when it did not start or its first answers were wrong. */
  error?: unknown
}

/** A gateway under load. */
export interface Running {
  readonly series: Series
  readonly process: Child
  readonly client: Client
}

/** Starts the upstream and the gateways; one that does not work is noted in its series and left out. */
export async function startAll(
  all: readonly Series[],
  scenario: Scenario,
  connections: number,
  launch: Launch,
): Promise<Running[]> {
  const settings = await settingsOf(scenario, launch)
  const running: Running[] = []
  for (const series of all) {
    if (series.error !== undefined) continue
    try {
      const process = launch('gateway.ts')
      const url = await createGateway(process, series.gateway, settings)
      const client = clientOf(url, connections)
      await openUp(client, scenario)
      running.push({ series, process, client })
    } catch (error) {
      series.error = error
    }
  }
  return running
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
