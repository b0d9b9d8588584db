// Makes the programs in `dist`: one file for each entry, and in `dist/chunks` what entries share.
// Node opens 21 of our files for `good-gateway/koa` where it would open 245, which halves the time that an
// import takes. The types beside them are by tsc, see the script "build".
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { build } from 'esbuild'
import { bundleOpossum } from './opossum.mjs'
import { markPure } from './pure.mjs'

const root = join(import.meta.dirname, '../..')
const dist = join(root, 'dist')
const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The programs behind the names that begin with "#": Node and bundlers choose between two of them. */
const chosen = Object.values(imports)
  .flatMap((file) => (typeof file === 'string' ? [] : Object.values(file)))
  .map((file) => file.replace('./dist/', '').replace(/js$/, 'ts'))
const sources = readdirSync(join(root, 'src'), { recursive: true }).filter((name) =>
  /(?<!\.d)\.ts$/.test(name),
)
const bundle = {
  entryPoints: [...sources.filter((name) => !/[\\/]/.test(name)), ...chosen, 'bin/good-gateway.ts'],
  chunkNames: 'chunks/[hash]',
  bundle: true,
  // One copy of what entries share, and with it one state.
  splitting: true,
  packages: 'external',
  external: Object.keys(imports),
  sourcemap: true,
}

rmSync(dist, { recursive: true, force: true })
const { outputFiles } = await build({
  absWorkingDir: join(root, 'src'),
  // With `--files`, a program for each source: the script "coverage" tells of each.
  ...(process.argv.includes('--files') ? { entryPoints: sources } : bundle),
  outdir: dist,
  outbase: '.',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  write: false,
})
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, path.endsWith('.js') ? markPure(text) : text)
}

const schema = 'problem/problem.schema.json'
mkdirSync(dirname(join(dist, schema)), { recursive: true })
copyFileSync(join(root, 'src', schema), join(dist, schema))
await bundleOpossum(join(dist, 'circuit'))
