// What the package costs a gateway: `npm run bench`. How it is measured: docs/performance.md.
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { besideNginx } from './beside-nginx.js'
import { type Launch, withChildren } from './child.js'
import { type Comparison, comparisonTable, limitedComparison } from './comparison.js'
import { amount, chosen, json } from './flags.js'
import { compareImports } from './import.js'
import { latency } from './latency.js'
import { type Limited, limitedOf, limitsTable } from './limits.js'
import { load, machine, machineInWords } from './machine.js'
import { compareMounts } from './mount.js'
import { rowsOf, type Section, tableOf } from './report.js'
import { measure } from './rounds.js'
import { type Scenario, scenarios } from './scenarios.js'
import { slowReader } from './slow-reader.js'

/** A part of the benchmark. */
interface Part {
  readonly name: string
  run(): Promise<Section>
}

/** For parts whose rounds are longer. */
const fewer = (share: number) => ({ ...amount, rounds: Math.ceil(amount.rounds / share) })

const parts: readonly Part[] = [
  ...scenarios.map((scenario) => ({ name: scenario.name, run: () => runScenario(scenario) })),
  { name: 'slow-reader', run: () => slowReader(fewer(4)) },
  ...(['get', 'post'] as const).flatMap((scenario) => [
    { name: `nginx-${scenario}`, run: () => besideNginx(scenario, fewer(2)) },
    { name: `latency-${scenario}`, run: () => latency(scenario, fewer(3)) },
  ]),
  { name: 'import', run: () => compare('Import', async () => compareImports(amount.rounds)) },
  {
    name: 'mount',
    run: () => compare('Mount', (launch) => compareMounts(fewer(4).rounds, launch)),
  },
  {
    name: 'json',
    run: () =>
      compare('Checking JSON', (launch) => launch('json.ts').ask('compare', amount.rounds)),
  },
]

async function runScenario(scenario: Scenario): Promise<Section> {
  const { requests, series } = await measure(scenario, amount)
  const rows = rowsOf(series, requests)
  const leftOut = series.flatMap(({ gateway, error }) =>
    error === undefined ? [] : [`${gateway} was left out: ${String(error).split('\n')[0]}`],
  )
  return {
    title: `${scenario.title} (${amount.rounds} rounds of ${requests} requests)`,
    table: tableOf(rows),
    figures: { requests, rows, series },
    limited: limitedOf(scenario.title, scenario.limits ?? [], series, requests),
    leftOut,
  }
}

async function compare(
  title: string,
  work: (launch: Launch) => Promise<Comparison[]>,
): Promise<Section> {
  const comparisons = await withChildren(work)
  const limited = comparisons.map(limitedComparison)
  return { title, table: comparisonTable(comparisons), figures: comparisons, limited }
}

function print({ title, table, leftOut = [] }: Section): void {
  console.log(`\n### ${title}\n\n${table}`)
  for (const line of leftOut) console.error(`\n${line}`)
  if (leftOut.length > 0) process.exitCode = 1
}

console.log(machineInWords())
const results: Record<string, unknown> = {}
const limited: Limited[] = []
for (const { name, run } of chosen(parts)) {
  const section = await run()
  print(section)
  results[name] = section.figures
  limited.push(...(section.limited ?? []))
}
if (limited.length > 0) console.log(`\n### Limits\n\n${limitsTable(limited)}`)
console.log(`\nAt the end: ${load()}.`)
if (json !== undefined)
  writeFileSync(json, `${JSON.stringify({ ...machine, amount, results, limited }, null, 2)}\n`)
