// Makes of `dist` what is published: code without comments and blanks, and of the types only those
// that an entry leads to. `npm run build` makes it whole again. An argument names another folder.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { build } from 'esbuild'

const dist = process.argv[2] ?? join(import.meta.dirname, '../dist')
const files = readdirSync(dist, { recursive: true }).map((name) => join(dist, name))
const ending = (suffix) => files.filter((file) => file.endsWith(suffix))

// Names stay: stack traces show them, and a middleware has that of its step.
await build({
  entryPoints: ending('.js'),
  outdir: dist,
  outbase: dist,
  allowOverwrite: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
})

const reached = new Set()
const IMPORT = /\b(?:from |import\()['"](\.[^'"]+)\.js['"]/g
const reach = (file) => {
  if (reached.has(file) || !existsSync(file)) return
  reached.add(file)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(IMPORT))
    reach(join(dirname(file), `${path}.d.ts`))
}
for (const file of ending('.d.ts')) if (dirname(file) === dist) reach(file)
const unreached = ending('.d.ts').filter((file) => !reached.has(file))
for (const file of [...unreached, ...ending('.map')]) rmSync(file)
