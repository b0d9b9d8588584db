import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { nobody } from './support/servers.js'

const root = join(import.meta.dirname, '..')
const {
  dependencies,
  exports,
  imports,
  bin: commands,
} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
  'dependencies' | 'exports' | 'bin',
  Record<string, string>
> & {
  imports: Record<string, string | Record<string, string>>
}
/** The entries that are programs, by the names that a user imports. */
const entries = Object.keys(exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace(/^\./, 'good-gateway'))

/** What `npm pack` packs after its script `prepack`, in a copy: other tests use `dist`. */
function preparedCopy(folder: string): string {
  const copy = join(folder, 'prepared')
  const needed = ['dist', 'docs', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']
  for (const name of [...needed, 'SECURITY.md'])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  execFileSync(process.execPath, [join(root, 'src/build/slim.mjs'), join(copy, 'dist')])
  return copy
}

describe('the packed package', function () {
  this.timeout(60_000)
  let folder: string
  let files: string[]
  let size: number

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'good-gateway-pack-'))
    const packed = execFileSync(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      { cwd: preparedCopy(folder), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    )
    const [{ filename, files: list, size: bytes }] = JSON.parse(packed) as [
      { filename: string; files: { path: string }[]; size: number },
    ]
    files = list.map(({ path }) => path)
    size = bytes
    execFileSync('tar', ['-xzf', join(folder, filename), '-C', folder])
    const modules = join(folder, 'node_modules')
    mkdirSync(modules)
    // What it depends on, as an installation would put it beside; what the tests need stays away.
    for (const name of [
      ...Object.keys(dependencies),
      'ts-algebra',
      '@types/node',
      'undici-types',
    ]) {
      mkdirSync(dirname(join(modules, name)), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), join(modules, name))
    }
    cpSync(join(folder, 'package'), join(modules, 'good-gateway'), { recursive: true })
  })

  after(() => rmSync(folder, { recursive: true }))

  it('holds dist, the guide and the usual files, and nothing else', () => {
    const outside = files.filter((path) => !/^(?:dist|docs)\//.test(path))
    const usual = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json']
    assert.deepEqual(outside.toSorted(), usual)
    assert.deepEqual(
      files.filter((path) => path.startsWith('docs/') && !path.endsWith('.md')),
      ['docs/grafana.json'],
    )
    for (const page of ['docs/guide.md', 'docs/problems.md']) assert.ok(files.includes(page), page)
  })

  it('has the programs that package.json names, what they share, and no source maps', () => {
    const named = [exports, commands, imports]
      .flatMap((names) => Object.values<string | Record<string, string>>(names))
      .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))
      .map((path) => path.replace('./', ''))
    assert.deepEqual(
      named.filter((path) => !files.includes(path)),
      [],
    )
    const others = files.filter((path) => path.startsWith('dist/') && !named.includes(path))
    assert.deepEqual(
      others.filter((path) => !/\.d\.ts$|^dist\/chunks\/\w+\.js$|LICENSE/.test(path)),
      [],
    )
  })

  it('has less than 300 KB', () => {
    assert.ok(size < 300 * 1024, `${size} bytes`)
  })

  it('lets a bundler leave out what is not used, although entries share files', async () => {
    const { metafile, outputFiles } = await build({
      stdin: {
        contents: `import { problemDetails } from 'good-gateway/koa'
          problemDetails()`,
        resolveDir: folder,
      },
      bundle: true,
      minify: true,
      metafile: true,
      platform: 'node',
      write: false,
      external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
    })
    const length = outputFiles[0]?.contents.length ?? Infinity
    assert.ok(length < 100_000, `${length} bytes`)
    const used = Object.values(metafile.outputs).flatMap(({ inputs, imports: packages }) => [
      ...packages.map(({ path }) => path),
      ...Object.keys(inputs),
    ])
    assert.deepEqual(
      used.filter((path) => /^(?:ajv|yaml|undici)|opossum/.test(path)),
      [],
    )
  })

  it('keeps the names of functions, classes and middlewares, which stack traces and DEBUG show', () => {
    const code = `const { circuitBreaker, plainPaths, problemDetails, validate } = await import('good-gateway/koa')
      const made = { problemDetails: problemDetails(), validate: validate({ body: {} }),
        circuitBreaker: circuitBreaker({ name: 'x' }), plainPaths: plainPaths() }
      const entries = await Promise.all(${JSON.stringify(entries)}.map((entry) => import(entry)))
      console.log(JSON.stringify([made, ...entries]
        .flatMap((values) => Object.entries(values))
        .filter(([name, value]) => typeof value === 'function' && name !== value.name)
        .map(([name, value]) => name + ' has the name ' + value.name)))`
    assert.deepEqual(names(code), [])
  })

  const names = (code: string): string[] =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', code], {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as string[]

  for (const entry of entries) {
    it(`${entry} loads with import and with require, and gives the same names`, () => {
      const imported = names(`console.log(JSON.stringify(Object.keys(await import('${entry}'))))`)
      const required = names(
        `import { createRequire } from 'node:module'
         const loaded = createRequire(process.cwd() + '/x.js')('${entry}')
         console.log(JSON.stringify(Object.keys(loaded).filter((name) => name !== '__esModule')))`,
      )
      assert.ok(imported.length > 0)
      assert.deepEqual(required.toSorted(), imported.toSorted())
    })
  }

  it('has types that a user gets from a schema, without the settings of this project', () => {
    writeFileSync(
      join(folder, 'user.mts'),
      `${entries.map((entry, at) => `import * as entry${at} from '${entry}'`).join('\n')}
       import { validate } from 'good-gateway'
       import { validate as koa } from 'good-gateway/koa'
       const schema = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } as const
       const check = validate({ body: schema })
       const id: (req: Parameters<typeof check>[0]) => number = (req) => check.valid(req).body.id
       // @ts-expect-error -- an integer is no string
       const no: (req: Parameters<typeof check>[0]) => string = (req) => check.valid(req).body.id
       export { id, koa, no, ${entries.map((_, at) => `entry${at}`).join(', ')} }`,
    )
    const args = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022']
    const tsc = join(root, 'node_modules/.bin/tsc')
    const { stdout } = spawnSync(tsc, [...args, '--types', 'node', 'user.mts'], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(stdout, '')
  })

  it('has the comments of what an entry exports, which editors show, and no other declarations', () => {
    const types = files
      .filter((path) => path.endsWith('.d.ts'))
      .map((path) => readFileSync(join(folder, 'package', path), 'utf8'))
      .join('')
    assert.match(
      types,
      /\/\*\* Statuses after which the next target is tried\..*\*\/\n +readonly nextOn/,
    )
    assert.match(types, /@throws \{TypeError\} when an option is wrong\./)
    assert.doesNotMatch(types, /declare class Calls\b/)
  })

  it('has a command, which runs where only the package and its dependencies are', () => {
    const { bin } = JSON.parse(
      readFileSync(join(folder, 'node_modules/good-gateway/package.json'), 'utf8'),
    ) as { bin: Record<string, string> }
    const command = join(folder, 'node_modules/good-gateway', bin['good-gateway'] ?? '')
    const asked = ['diagnose', '--json', nobody.url]
    const { status, stdout } = spawnSync(process.execPath, [command, ...asked], {
      encoding: 'utf8',
    })
    assert.equal(status, 1)
    assert.equal((JSON.parse(stdout) as { code: string }).code, 'upstream_refused')
  })

  it('observes nothing until a middleware is mounted', () => {
    const [before, after] = names(
      `import { channel } from 'node:diagnostics_channel'
       const { problemDetails } = await import('good-gateway/koa')
       const before = channel('http.client.request.start').hasSubscribers
       problemDetails()
       console.log(JSON.stringify([before, channel('http.client.request.start').hasSubscribers]))`,
    )
    assert.deepEqual([before, after], [false, true])
  })
})
