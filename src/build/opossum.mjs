import { copyFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

/**
 * Puts opossum into a folder, with its licence: no range of its versions lets Yarn 1 install the package on
 * both Node 20 and Node 26, because each version names its Nodes in `engines`.
 */
export async function bundleOpossum(target) {
  const entry = createRequire(import.meta.url).resolve('opossum')
  await build({
    entryPoints: [entry],
    outfile: join(target, 'opossum.cjs'),
    bundle: true,
    keepNames: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    banner: { js: '/*! opossum, under the Apache License 2.0: see opossum.LICENSE.txt */' },
  })
  copyFileSync(join(dirname(entry), 'LICENSE'), join(target, 'opossum.LICENSE.txt'))
}
