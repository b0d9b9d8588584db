// What the import of a host's entry costs, in fresh processes.
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Comparison } from './comparison.js'

const cwd = fileURLToPath(new URL('../..', import.meta.url))

/** Compares Koa alone with Koa and the entry. */
export function compareImports(times: number): Comparison[] {
  const comparison = {
    what: "import 'koa' and 'good-gateway/koa'",
    against: "import 'koa'",
    limit: { milliseconds: 100 },
    measured: [] as number[],
    reference: [] as number[],
  }
  for (let time = 0; time < times; time += 1) {
    comparison.reference.push(cpuOf(['koa']))
    comparison.measured.push(cpuOf(['koa', 'good-gateway/koa']))
  }
  return [comparison]
}

/** Microseconds of processor time of a process that imports the modules and does nothing else. */
function cpuOf(modules: readonly string[]): number {
  const code = `${modules.map((name) => `import '${name}'\n`).join('')}
    const { user, system } = process.cpuUsage()
    process.stdout.write(String(user + system))`
  const argv = ['--input-type=module', '--eval', code]
  return Number(execFileSync(process.execPath, argv, { cwd, encoding: 'utf8' }))
}
