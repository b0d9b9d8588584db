// What a gateway needs of memory when a client reads a large answer slowly.
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type Child, type Launch, withChildren } from './child.js'
import { markdown } from './markdown.js'
import type { Peaks, Watched } from './memory.js'
import { namesOf, quartiles, type Section } from './report.js'
import { type Amount, inTurn } from './rounds.js'
import { median } from './statistics.js'

const PATH = '/files/5'
const LENGTH = 50_000_000
/** The client takes so many bytes at once, and then does nothing for so many milliseconds. */
const [SIP, PAUSE] = [500_000, 10]
/**
 * After the first megabyte it stops for a while: what can fill up on the way has time for it. Later the
 * kernel's own buffers are so large that the rest may fit into them.
 */
const [STOP_AT, STOP] = [1_000_000, 500]

const gateways = ['bare', 'guard', 'forward-koa', 'forward', 'bare']

/** Downloads before the measured ones: all of the new space must have been in use. */
const WARM_UP = 10

/** What one download has needed: the most in bytes, above what it was without it. */
interface Need {
  /** What could not be collected. */
  readonly held: number
  /** What was used, garbage included. */
  readonly used: number
  readonly rss: number
}

/** What one gateway has needed, round by round. */
interface Needs {
  readonly gateway: string
  readonly rounds: Need[]
}

/** The memory of the gateways while a client reads slowly. */
export async function slowReader({ rounds }: Amount): Promise<Section> {
  const needs = await measure(rounds)
  const limited = ['guard', 'forward-koa', 'forward'].map((name) => ({
    what: `50 MB to a slow reader: ${name} holds more than ${needs[0]?.gateway}`,
    measured:
      median(
        more(
          needs.find(({ gateway }) => gateway === name),
          needs[0],
          ({ held }) => held,
        ),
      ) / MEGABYTE,
    unit: ' MB',
    atMost: 1,
  }))
  return {
    limited,
    title: `50 MB to a slow reader (${rounds} rounds)`,
    table: needsTable(needs),
    figures: needs,
  }
}

/** Each download has a gateway of its own, in a fresh process. */
async function measure(rounds: number): Promise<readonly Needs[]> {
  const needs: readonly Needs[] = gateways.map((gateway) => ({ gateway, rounds: [] }))
  await inTurn(needs, rounds, async (one) => {
    one.rounds.push(await withChildren((launch) => needOf(one.gateway, launch)))
  })
  return needs
}

async function needOf(file: string, launch: Launch): Promise<Need> {
  const target = await launch('upstream.ts').ask<string>('listen')
  const gateway = launch('gateway.ts')
  const settings = { target, limit: 1_000_000, opens: false }
  const url = (await gateway.ask<string>('create', { file, settings })) + PATH
  // What is loaded, compiled and allocated once is there afterwards.
  for (let time = 0; time < WARM_UP; time += 1) await download(url, 'fast')
  await download(url)
  const before = await watch(gateway, 'all')
  const all = await watch(gateway, 'all', () => download(url))
  // To collect gives memory back that the process would have used again: so it comes last.
  const least = await watch(gateway, 'held')
  const held = await watch(gateway, 'held', () => download(url))
  return { held: held.used - least.used, used: all.used - least.used, rss: all.rss - before.rss }
}

async function watch(gateway: Child, watched: Watched, work?: () => Promise<void>): Promise<Peaks> {
  await gateway.ask('watchMemory', watched)
  await work?.()
  return gateway.ask('peaks')
}

async function download(url: string, pace: 'fast' | 'slow' = 'slow'): Promise<void> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage]
  let [length, sip, hasStopped] = [0, 0, false]
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    sip += chunk.length
    if (sip < SIP || pace === 'fast') continue
    sip = 0
    const stops = !hasStopped && length >= STOP_AT
    hasStopped ||= stops
    await setTimeout(stops ? STOP : PAUSE)
  }
  if (length !== LENGTH) throw new Error(`${url}: ${length} bytes in place of ${LENGTH}`)
}

/** How much more it is than with another gateway, round by round. */
function more(one: Needs | undefined, other: Needs | undefined, of: (need: Need) => number) {
  return (one?.rounds ?? []).map((need, at) => of(need) - of(other?.rounds[at] ?? need))
}

/** A table of Markdown: medians in MB, and how much more it is than with the reference in the same round. */
function needsTable(needs: readonly Needs[]): string {
  const columns = (one: Needs, of: (need: Need) => number) => [
    megabytes(median(one.rounds.map(of))),
    megabytes(median(more(one, needs[0], of))),
    quartiles(
      more(one, needs[0], of).map((bytes) => bytes / MEGABYTE),
      1,
    ),
  ]
  const names = namesOf(needs)
  return markdown(
    [
      'gateway',
      ...['held, MB', 'with garbage, MB', 'RSS, MB'].flatMap((name) => [name, 'more', 'quartiles']),
    ],
    needs.map((one, at) => [
      names[at] ?? '',
      ...columns(one, ({ held }) => held),
      ...columns(one, ({ used }) => used),
      ...columns(one, ({ rss }) => rss),
    ]),
  )
}

const MEGABYTE = 1_000_000
const megabytes = (bytes: number) => (bytes / MEGABYTE).toFixed(1)
