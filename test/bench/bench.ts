// What the package costs a gateway: `npm run bench`. How it is measured: docs/performance.md.
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { type Launch, withChildren } from './child.js'
import { type Comparison, comparisonTable } from './comparison.js'
import { amount, chosen, json } from './flags.js'
import { compareImports } from './import.js'
import { machine } from './machine.js'
import { compareMounts } from './mount.js'
import { rowsOf, tableOf } from './report.js'
import { measure } from './rounds.js'
import type { Series } from './running.js'
import { type Scenario, scenarios } from './scenarios.js'

/** A part of the benchmark: it prints its table and returns its figures. */
interface Part {
  readonly name: string
  run(): Promise<unknown>
}

const parts: readonly Part[] = [
  ...scenarios.map((scenario) => ({ name: scenario.name, run: () => runScenario(scenario) })),
  { name: 'import', run: () => compare('Import', async () => compareImports(amount.rounds)) },
  {
    name: 'mount',
    run: () => compare('Mount', (launch) => compareMounts(Math.ceil(amount.rounds / 4), launch)),
  },
  {
    name: 'json',
    run: () =>
      compare('Checking JSON', (launch) => launch('json.ts').ask('compare', amount.rounds)),
  },
]

async function runScenario(scenario: Scenario): Promise<unknown> {
  const { requests, series } = await measure(scenario, amount)
  const rows = rowsOf(series, requests)
  print(`${scenario.title} (${amount.rounds} rounds of ${requests} requests)`, tableOf(rows))
  for (const one of series) if (one.error !== undefined) leftOut(one)
  return { requests, rows, series }
}

async function compare(
  title: string,
  work: (launch: Launch) => Promise<Comparison[]>,
): Promise<Comparison[]> {
  const comparisons = await withChildren(work)
  print(title, comparisonTable(comparisons))
  return comparisons
}

function print(title: string, table: string): void {
  console.log(`\n### ${title}\n\n${table}`)
}

function leftOut({ gateway, error }: Series): void {
  const [line] = String(error).split('\n')
  console.error(`\n${gateway} was left out: ${line}`)
  process.exitCode = 1
}

console.log(`Node ${machine.node}, ${machine.cores} cores, ${machine.processor}, ${machine.date}`)
const results: Record<string, unknown> = {}
for (const { name, run } of chosen(parts)) results[name] = await run()
if (json !== undefined)
  writeFileSync(json, `${JSON.stringify({ ...machine, amount, results }, null, 2)}\n`)
