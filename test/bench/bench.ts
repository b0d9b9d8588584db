// What the package costs a gateway: `npm run bench`. How it is measured: docs/performance.md.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { rowsOf, tableOf } from './report.js'
import { measure } from './rounds.js'
import { scenarios } from './scenarios.js'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    requests: { type: 'string' },
    connections: { type: 'string', default: '32' },
    sets: { type: 'string' },
    json: { type: 'string' },
  },
})
const amount = {
  rounds: Number(flags.rounds ?? (flags.quick ? 4 : 24)),
  requests: Number(flags.requests ?? (flags.quick ? 300 : 1000)),
  connections: Number(flags.connections),
  sets: Number(flags.sets ?? (flags.quick ? 1 : 3)),
}
const names = flags.only?.split(',')

console.log(`Node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}`)
const results: Record<string, unknown> = {}
for (const scenario of scenarios) {
  if (names && !names.includes(scenario.name)) continue
  const { requests, series } = await measure(scenario, amount)
  const rows = rowsOf(series, requests)
  results[scenario.name] = { requests, rows, series }
  console.log(`\n${scenario.title} (${amount.rounds} rounds of ${requests} requests)\n`)
  console.log(tableOf(rows))
}
if (flags.json !== undefined)
  writeFileSync(
    flags.json,
    `${JSON.stringify({ node: process.version, amount, results }, null, 2)}\n`,
  )
