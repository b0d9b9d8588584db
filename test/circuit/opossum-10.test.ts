import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const hook = pathToFileURL(at('../support/opossum-10.mjs')).href

describe('the next major version of opossum', () => {
  it('is what the hook of this test loads', () => {
    const script =
      "const { default: a } = await import('opossum'), { default: b } = await import('opossum10'); process.exit(a === b ? 0 : 1)"
    const { status } = spawnSync(process.execPath, [
      '--import',
      hook,
      '--input-type=module',
      '-e',
      script,
    ])
    assert.equal(status, 0)
  })

  for (const files of [
    ['./circuit.test.ts', './model.test.ts'],
    ['../contract/breaker/circuit-breaker.test.ts'],
  ]) {
    it(`passes ${files.join(' and ')}`, function () {
      this.timeout(120_000)
      const args = [
        '--import',
        hook,
        '--import',
        'tsx',
        at('../../node_modules/mocha/bin/mocha.js'),
      ]
      const run = spawnSync(
        process.execPath,
        [...args, '--no-config', '--no-package', '--timeout', '60000', ...files.map(at)],
        { encoding: 'utf8' },
      )
      assert.equal(run.status, 0, run.stdout + run.stderr)
      assert.match(run.stdout, /\d+ passing/)
    })
  }
})
