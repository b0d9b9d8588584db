import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, it } from 'mocha'

const root = join(import.meta.dirname, '..')

/** The packages in a bundle of a program, and its code. */
async function bundle(program: string): Promise<{ packages: Set<string>; code: string }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: program, resolveDir: root },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    metafile: true,
  })
  const [output] = Object.values(metafile.outputs)
  const inputs = Object.keys(output?.inputs ?? {})
  return {
    packages: new Set(inputs.map(packageOf)),
    code: outputFiles[0]?.text ?? '',
  }
}

/** The package of a file; opossum stands in our own folder. */
const packageOf = (path: string): string =>
  path.endsWith('/opossum.cjs') ? 'opossum' : (/^node_modules\/([^/]+)/.exec(path)?.[1] ?? 'own')

/** What a program prints in a process of its own. */
function run(args: readonly string[], cwd = root): unknown {
  return JSON.parse(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' }))
}

describe('a bundle', () => {
  it('with problemDetails alone has neither ajv nor yaml', async () => {
    const { packages } = await bundle(
      `import { problemDetails } from 'good-gateway/koa'
       problemDetails()`,
    )
    assert.ok(packages.has('own') && packages.has('negotiator'), [...packages].join())
    for (const name of ['ajv', 'ajv-formats', 'yaml', 'opossum', 'undici'])
      assert.ok(!packages.has(name), name)
  })

  it('with validate has ajv and not yaml', async () => {
    const { packages } = await bundle(
      `import { validate } from 'good-gateway/koa'
       validate({ body: {} })`,
    )
    assert.ok(packages.has('ajv') && !packages.has('yaml'), [...packages].join())
  })

  it('with everything runs where nothing is installed', async () => {
    const { code } = await bundle(
      `import { circuitBreaker, forward, problemDetails, routes, validate } from 'good-gateway/koa'
       const dialects = [
         'http://json-schema.org/draft-07/schema',
         'https://json-schema.org/draft/2019-09/schema',
         'https://json-schema.org/draft/2020-12/schema',
       ]
       const body = { type: 'array', uniqueItems: true, maxItems: 9, items: { format: 'uuid' } }
       const yaml = 'openapi: 3.1.0\\npaths: { /orders: { get: { responses: { 200: {} } } } }'
       const made = [
         problemDetails(),
         circuitBreaker({ name: 'orders' }),
         routes.fromOpenAPI(yaml),
         forward({ target: 'http://orders:4000' }),
         ...dialects.map(($schema) => validate({ body: { $schema, ...body } })),
       ]
       console.log(JSON.stringify(made.map((middleware) => typeof middleware)))`,
    )
    const folder = mkdtempSync(join(tmpdir(), 'good-gateway-bundle-'))
    try {
      writeFileSync(join(folder, 'bundle.cjs'), code)
      assert.deepEqual(run(['bundle.cjs'], folder), Array(7).fill('function'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('an import of an entry', () => {
  it('loads ajv only when a schema is mounted, and yaml only when YAML is read', () => {
    const program = `
      import { createRequire } from 'node:module'
      import { routes, validate } from 'good-gateway/koa'
      const { cache } = createRequire(import.meta.url)
      const loaded = () =>
        ['ajv', 'yaml'].filter((name) =>
          Object.keys(cache).some((file) => file.replaceAll('\\\\', '/').includes('/node_modules/' + name + '/')))
      const atFirst = loaded()
      validate({ body: {} })
      routes.fromOpenAPI('{"openapi":"3.1.0","paths":{"/":{"get":{}}}}')
      const withSchema = loaded()
      routes.fromOpenAPI('openapi: 3.1.0\\npaths: { /: { get: {} } }')
      console.log(JSON.stringify([atFirst, withSchema, loaded()]))`
    assert.deepEqual(run(['--input-type=module', '-e', program]), [[], ['ajv'], ['ajv', 'yaml']])
  })

  it('loads nothing of Node that only its re-exports need, see common/builtins.ts', () => {
    const program = `
      await import('good-gateway/koa')
      const costly = ['http2', 'internal/deps/undici/undici', 'worker_threads', 'internal/crypto/webcrypto']
      const loaded = new Set(process.moduleLoadList)
      console.log(JSON.stringify(costly.filter((name) => loaded.has('NativeModule ' + name))))`
    assert.deepEqual(run(['--input-type=module', '-e', program]), [])
  })
})
