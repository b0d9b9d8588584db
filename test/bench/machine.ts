// Where the figures come from: the machine, Node, and the packages that are measured.
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import process from 'node:process'

const packages = [
  'koa',
  'http-proxy',
  'koa-bodyparser',
  'ajv',
  'opossum',
  'express',
  'http-proxy-middleware',
  'express-openapi-validator',
  'fastify',
  '@fastify/reply-from',
  '@fastify/circuit-breaker',
  'undici',
]

/** What must be known to read the figures. */
export const machine = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cores: cpus().length,
  processor: cpus()[0]?.model ?? 'unknown',
  packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
}

/** The same in a sentence or two. */
export function machineInWords(): string {
  const { date, node, cores, processor, packages: versions } = machine
  const named = Object.entries(versions).map((one) => one.join(' '))
  return `${date}, Node ${node.slice(1)}, ${cores} cores (${processor}) at ${load()}. ${named.join(', ')}.`
}

/** How busy the machine is: 1 for each core that has work all the time. */
export const load = () => `a load of ${loadavg()[0]?.toFixed(1)}`

function versionOf(name: string): string {
  try {
    const url = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
    return JSON.parse(readFileSync(url, 'utf8')).version
  } catch {
    return 'not installed'
  }
}
