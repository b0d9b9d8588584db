#!/usr/bin/env node
import { diagnose } from '../diagnose/diagnose.js'
import { type Contract, NO_CONTRACT } from '../diagnose/payload.js'
import { renderJson, renderText } from '../diagnose/render.js'
import { advice } from '../problem/advice.js'
import { type Order, readArguments } from './arguments.js'
import { explain } from './explain.js'
import { HELP, UsageError } from './usage.js'
import { version } from '../common/version.js'

/** Columns where nobody looks at a terminal. */
const WIDTH = 100
const NARROWEST = 60

const { stdout, stderr, env } = process
const width = Math.max(NARROWEST, Math.min(stdout.columns ?? WIDTH, WIDTH))
// https://no-color.org: any value that is not empty.
const colours = stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'

/** Does what the arguments ask for; gives the exit status. */
async function run(args: readonly string[]): Promise<number> {
  const asked = readArguments(args)
  if (asked.what === 'help') return print(HELP, 0)
  if (asked.what === 'version') return print(`${version}\n`, 0)
  if (asked.what === 'explain') return print(explain(asked.code, width), 0)
  return runDiagnosis(asked.order)
}

async function runDiagnosis(order: Order): Promise<number> {
  const { call, limits, json } = order
  const diagnosis = await diagnose(call, { limits, contract: await contractOf(order), advice })
  const text = json ? renderJson(call, diagnosis) : renderText(call, diagnosis, { colours, width })
  return print(text, diagnosis.verdict.healthy ? 0 : 1)
}

/** Most calls come without a schema, and what compiles them takes longer to load than all the rest. */
async function contractOf(order: Order): Promise<Contract> {
  const { schema, requestSchema, openapi } = order
  if ((schema ?? requestSchema ?? openapi) === undefined) return NO_CONTRACT
  const { readContract } = await import('./contract.js')
  return readContract(order)
}

/** Exits only when all is written: a pipe takes its time. */
function print(text: string, status: number): Promise<number> {
  return new Promise((resolve) => stdout.write(text, () => resolve(status)))
}

// Whoever reads the report may stop before its end.
stdout.on('error', () => process.exit(1))

run(process.argv.slice(2)).then(
  // A lookup that has taken too long would keep the process alive.
  (status) => process.exit(status),
  (error: unknown) => {
    if (!(error instanceof UsageError)) throw error
    stderr.write(`good-gateway: ${error.message}\nTry: good-gateway --help\n`)
    process.exit(2)
  },
)
