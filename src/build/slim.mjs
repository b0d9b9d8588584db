// Makes of `dist` what is published: small programs, no source maps, and of the types only what an entry
// leads to. `npm run build` makes it whole again. An argument names another folder.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { minify } from 'terser'
import { reachable } from './types.mjs'

const dist = process.argv[2] ?? join(import.meta.dirname, '../../dist')
const files = readdirSync(dist, { recursive: true }).map((name) => join(dist, name))
const ending = (suffix) => files.filter((file) => file.endsWith(suffix))
const read = (file) => readFileSync(file, 'utf8')

// By terser, because it can do both: names of functions and classes stay, for stack traces show them and a
// middleware has that of its step; and so do the marks of pure.mjs.
const FUNCTION = /\b(?:var|let|const) (\w+) = (?:async )?(?:\(|\w+ =>)/g
for (const file of ending('.js')) {
  const whole = read(file)
  const reserved = [...whole.matchAll(FUNCTION)].map(([, name]) => name)
  const slim = await minify(whole, {
    // Nothing that moves code from one function to another, or leaves a variable out that a name comes from.
    compress: {
      keep_fnames: true,
      keep_classnames: true,
      inline: 0,
      reduce_funcs: false,
      reduce_vars: false,
      collapse_vars: false,
    },
    mangle: { keep_fnames: true, keep_classnames: true, reserved },
    format: { comments: false, preserve_annotations: true },
  })
  writeFileSync(file, slim.code)
}

const declarations = ending('.d.ts')
const entries = declarations.filter((file) => dirname(file) === dist)
const left = reachable(new Map(declarations.map((file) => [file, read(file)])), entries)
for (const [file, text] of left)
  if (text === '') rmSync(file)
  else writeFileSync(file, text)
for (const file of ending('.map')) rmSync(file)
