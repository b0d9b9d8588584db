// Prints the matrix: each gateway that people have, in each case, behind the middlewares.
import process from 'node:process'
import { gateways } from '../gateways/index.js'
import { cases } from './cases.js'
import { runCell } from './run.js'

let wrong = 0
for (const gateway of gateways) {
  console.log(`\n${gateway.name}`)
  for (const attempt of cases) {
    const verdict = await verdictOf(() => runCell(gateway, attempt))
    if (verdict.startsWith('WRONG')) wrong++
    console.log(`  ${attempt.name.padEnd(20)}${verdict}`)
  }
}
console.log(`\n${gateways.length} gateways, ${cases.length} cases each: ${wrong} wrong`)
// A call that a proxy has leaked would keep the process.
process.exit(wrong === 0 ? 0 : 1)

async function verdictOf(run: () => Promise<string>): Promise<string> {
  try {
    return await run()
  } catch (error) {
    return `WRONG: ${error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 300) : String(error)}`
  }
}
