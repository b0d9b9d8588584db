// Installs the packed package as users do, and prints what works; see the script test:install.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { bundles, installs, type Row, runners, type Tools, types } from './rows.js'

const NODES = ['20', '22', '24', '26']
const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'good-gateway-install-'))
const platform = `node-${process.platform}-${process.arch}`

/** Installs packages beside each other, for all rows. */
function install(name: string, ...packages: readonly string[]): string {
  const prefix = join(folder, name)
  mkdirSync(prefix, { recursive: true })
  const args = ['install', '--silent', '--no-audit', '--no-fund', '--prefix', prefix, ...packages]
  execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  return join(prefix, 'node_modules')
}

function prepare(): Tools {
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  })
  const nodes = NODES.map((version) => {
    const at = join(install(`node ${version}`, `${platform}@${version}`), platform, 'bin/node')
    if (!existsSync(at)) throw new Error(`no ${at}`)
    return [version, at] as const
  })
  return {
    tarball: join(folder, packed.trim().split('\n').at(-1) ?? ''),
    nodes: Object.fromEntries(nodes),
    managers: install('managers', 'pnpm@10', 'yarn@1', '@yarnpkg/cli-dist@4'),
    folder: (name) => join(folder, name.replace(/[^\w.]+/g, '-')),
  }
}

/** The text of what failed, in one line. */
function reasonOf(error: unknown): string {
  const { stdout = '', stderr = '', message } = error as Error & Record<'stdout' | 'stderr', string>
  const lines = `${stdout}\n${stderr}\n${message}`.split('\n').map((line) => line.trim())
  return lines.find((line) => /error|cannot|not found|must/i.test(line)) ?? message
}

async function outcomeOf(row: Row, tools: Tools): Promise<string> {
  try {
    await row.run(tools)
    return 'works'
  } catch (error) {
    process.exitCode = 1
    return `FAILS: ${reasonOf(error)}`
  }
}

try {
  const wanted = process.argv.slice(2)
  const rows = [...installs(NODES), ...types, ...bundles, ...runners].filter(
    ({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
  )
  const tools = prepare()
  for (const row of rows) {
    console.log(`| ${row.name.padEnd(46)} | ${await outcomeOf(row, tools)} |`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
