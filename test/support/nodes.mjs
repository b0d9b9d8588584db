// Runs the suite on every supported Node: the one at hand, and 22, 24 and 26 from npm.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

const versions = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['20', '22', '24', '26']
const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const folder = mkdtempSync(join(tmpdir(), 'good-gateway-nodes-'))
const mocha = join(import.meta.dirname, '../../node_modules/mocha/bin/mocha.js')

try {
  let failed = false
  for (const version of versions) {
    const prefix = join(folder, version)
    execFileSync('npm', ['install', '--silent', '--prefix', prefix, `${platform}@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const node = join(prefix, 'node_modules', platform, 'bin', 'node')
    console.log(`\n=== Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)
    const args = [
      '--parallel',
      '--jobs',
      '3',
      '--reporter',
      'dot',
      'test/**/*.test.ts',
      '--ignore',
      'test/integration/**',
    ]
    const run = spawnSync(node, [mocha, ...args], {
      stdio: 'inherit',
      // Programs that the tests start by the name of node get the same one.
      env: { ...process.env, PATH: `${join(node, '..')}:${process.env.PATH}` },
    })
    failed ||= run.status !== 0
  }
  process.exitCode = failed ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}
