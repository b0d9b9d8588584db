import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { compile, createProject, examplesIn, running, startable } from '../../support/documents.js'
import { checkRecipe, recipeUpstream } from '../../support/frameworks.js'
import { type Listening, listen } from '../../support/servers.js'

const run = promisify(execFile)

/** What each recipe needs beside what the tests have: too much to install it always. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  NestJS: [
    '@nestjs/common@11',
    '@nestjs/core@11',
    '@nestjs/platform-express@11',
    '@nestjs/platform-fastify@11',
    'reflect-metadata',
    'rxjs',
  ],
  Next: ['next@16', 'react', 'react-dom'],
  Vite: ['vite'],
  'json-server': ['json-server@0.17'],
}

/** A project with packages from the registry; undefined where they cannot be had. */
async function install(packages: readonly string[]): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'good-gateway-hosts-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const args = ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline']
  try {
    await run('npm', [...args, ...packages], { cwd: folder, timeout: 240_000 })
    return createProject(folder)
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return undefined
  }
}

/** Next starts only what was built. */
async function build(project: string): Promise<void> {
  mkdirSync(join(project, 'app'))
  const layout = `export default ({ children }) => <html><body>{children}</body></html>`
  writeFileSync(join(project, 'app/layout.jsx'), layout)
  writeFileSync(join(project, 'app/page.jsx'), `export default () => <p>page</p>`)
  await run('npx', ['next', 'build'], {
    cwd: project,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  })
}

for (const [framework, packages] of Object.entries(PACKAGES)) {
  describe(`the recipe for ${framework}`, function () {
    this.timeout(300_000)
    let project: string | undefined
    let origin: Listening
    before(async function () {
      project = await install(packages)
      if (project === undefined) {
        console.log(`      ${packages.join(', ')} cannot be installed: skipped`)
        return this.skip()
      }
      if (framework === 'Next') await build(project)
      origin = await listen(recipeUpstream())
    })
    after(async () => {
      await origin?.close()
      if (project !== undefined) rmSync(project, { recursive: true, force: true })
    })

    const recipes = examplesIn('docs/guide/hosts.md', 'typescript')
    for (const { name, heading, code } of recipes.filter((each) => each.heading === framework)) {
      it(`${heading} (${name}) checks, proxies, answers what fire rejects with, and upgrades`, async () => {
        const folder = project ?? ''
        const file = compile(folder, `started-${name}`, startable(code, origin.url))
        await running(folder, [file], (url) => checkRecipe(url, code.includes('upgradeListener')))
      })
    }
  })
}
