import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** A folder that stands for a user's project, and the Node that works in it. */
export class Project {
  readonly folder: string
  readonly #node: string

  constructor(folder: string, node = process.execPath, manifest: object = {}) {
    this.folder = folder
    this.#node = node
    mkdirSync(folder, { recursive: true })
    this.write('package.json', JSON.stringify({ name: 'user', private: true, ...manifest }))
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  /** Runs a program with this Node first in the path; what it prints, else the error that it ends with. */
  async run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const PATH = `${dirname(this.#node)}:${process.env.PATH ?? ''}`
    const options = { cwd: this.folder, env: { ...process.env, PATH, ...env }, timeout: 300_000 }
    return (await run(program, args, options)).stdout
  }

  node(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
    return this.run(this.#node, args, env)
  }

  /** Installs packages with npm. */
  install(...packages: readonly string[]): Promise<string> {
    return this.run('npm', ['install', '--silent', '--no-audit', '--no-fund', ...packages])
  }
}

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string>
}

/** What a user imports, the schema aside. */
export const entries: readonly string[] = Object.keys(exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace(/^\./, 'good-gateway'))

/** Mounts what needs most of the package, from a module. */
export const MODULE = `
${entries.map((entry, at) => `import * as entry${at} from '${entry}'`).join('\n')}
import { circuitBreaker, problemDetails, routes, validate } from 'good-gateway/koa'
problemDetails()
circuitBreaker({ name: 'orders' })
validate({ body: { type: 'object', properties: { id: { format: 'uuid' } } } })
routes.fromOpenAPI('openapi: 3.1.0\\npaths: { /orders: { get: { responses: { 200: {} } } } }')
const names = [${entries.map((_, at) => `entry${at}`).join(', ')}].map((entry) => Object.keys(entry).length)
if (names.includes(0)) throw new Error('an entry is empty: ' + names)
console.log('works')
`

/** The same by \`require\`. */
export const SCRIPT = MODULE.replace(
  /import (\* as )?(\w+|\{[^}]+\}) from ('[^']+')/g,
  'const $2 = require($3)',
)

/** The same with types, which the compilers check. */
export const TYPED = `${MODULE}
const order = validate({ body: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } } as const)
const id: (given: Parameters<typeof order.valid>[0]) => number = (given) => order.valid(given).body.id
export { id }
`
