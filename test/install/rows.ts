import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { MODULE, Project, SCRIPT, TYPED } from './project.js'

/** What the rows need from outside. */
export interface Tools {
  /** A new folder of that name. */
  folder(name: string): string
  /** The packed package. */
  readonly tarball: string
  /** Programs of Node, by major version. */
  readonly nodes: Readonly<Record<string, string>>
  /** Where pnpm and both Yarns are installed. */
  readonly managers: string
}

/** One line of the table: throws where it fails. */
export interface Row {
  readonly name: string
  run(tools: Tools): Promise<void>
}

const works = (output: string): void => {
  if (!output.includes('works')) throw new Error(`printed ${output}`)
}

/** Runs the programs of a project that has the package. */
async function runBoth(run: (file: string) => Promise<string>): Promise<void> {
  for (const file of ['module.mjs', 'script.cjs']) works(await run(file))
}

function created(tools: Tools, name: string, node?: string, manifest?: object): Project {
  const project = new Project(tools.folder(name), node, manifest)
  project.write('module.mjs', MODULE)
  project.write('script.cjs', SCRIPT)
  return project
}

type Install = (project: Project, tools: Tools) => Promise<(file: string) => Promise<string>>

const managers: Readonly<Record<string, Install>> = {
  npm: async (project, { tarball }) => {
    await project.install(tarball)
    return (file) => project.node([file])
  },
  pnpm: async (project, { tarball, managers: at }) => {
    await project.node([join(at, 'pnpm/bin/pnpm.cjs'), 'add', '--ignore-workspace', tarball])
    return (file) => project.node([file])
  },
  'Yarn 1': async (project, { tarball, managers: at }) => {
    await project.node([join(at, 'yarn/bin/yarn.js'), 'add', '--no-lockfile', `file:${tarball}`])
    return (file) => project.node([file])
  },
  'Yarn 4 (PnP)': (project, tools) => yarn4(project, tools, 'pnp'),
  'Yarn 4 (node-modules)': (project, tools) => yarn4(project, tools, 'node-modules'),
}

async function yarn4(project: Project, { tarball, managers: at }: Tools, nodeLinker: string) {
  const yarn = join(at, '@yarnpkg/cli-dist/bin/yarn.js')
  const settings = { enableGlobalCache: false, enableTelemetry: false, nodeLinker }
  project.write('.yarnrc.yml', JSON.stringify(settings))
  project.write('yarn.lock', '')
  await project.node([yarn, 'add', `good-gateway@file:${tarball}`])
  return (file: string) => project.node([yarn, 'node', file])
}

/** On Node 20, the loader of Plug'n'Play is not asked for what a required ES module imports, of any package. */
const UNREQUIRED = 'Yarn 4 (PnP) on Node 20'

/** Each manager on each Node. */
export const installs = (nodes: readonly string[]): readonly Row[] =>
  Object.entries(managers).flatMap(([manager, install]) =>
    nodes.map((version) => {
      const name = `${manager} on Node ${version}`
      return {
        name: name === UNREQUIRED ? `${name}, import only` : name,
        async run(tools: Tools) {
          const project = created(tools, `${manager} ${version}`, tools.nodes[version])
          const run = await install(project, tools)
          if (name === UNREQUIRED) works(await run('module.mjs'))
          else await runBoth(run)
        },
      }
    }),
  )

const strict = {
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  target: 'es2022',
  types: ['node'],
}
const compilers: readonly [version: string, options: object, manifest?: object][] = [
  ['5.4', { module: 'commonjs', moduleResolution: 'node10' }],
  ['5.4', { module: 'esnext', moduleResolution: 'bundler' }],
  ['5.4', { module: 'nodenext' }, { type: 'module' }],
  ['5.8', { module: 'nodenext' }],
  ['5.9', { module: 'commonjs', moduleResolution: 'node10' }],
  ['6', { module: 'nodenext' }],
  ['6', { module: 'esnext', moduleResolution: 'bundler' }],
  ['7', { module: 'nodenext' }],
  ['7', { module: 'nodenext' }, { type: 'module' }],
  ['7', { module: 'esnext', moduleResolution: 'bundler' }],
]

/** Each compiler, with the settings of its time; libraries are checked too. */
export const types: readonly Row[] = compilers.map(([version, options, manifest]) => {
  const { module, moduleResolution } = options as Record<string, string>
  const how = [module, moduleResolution, manifest && 'ES modules'].filter(Boolean).join(', ')
  return {
    name: `TypeScript ${version}: ${how}`,
    async run(tools) {
      const project = new Project(tools.folder(`ts ${version} ${how}`), undefined, manifest)
      await project.install(tools.tarball, `typescript@${version}`, '@types/node@20')
      project.write('user.ts', TYPED)
      const compilerOptions = { ...strict, ...options }
      project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['user.ts'] }))
      await project.run('npx', ['tsc'])
    },
  }
})

const ROLLUP = [
  'rollup@4',
  '@rollup/plugin-node-resolve',
  '@rollup/plugin-commonjs',
  '@rollup/plugin-json',
]
const rollupConfig = `
import resolve from '@rollup/plugin-node-resolve'
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
export default {
  input: 'module.mjs',
  output: { file: 'out.cjs', format: 'cjs', inlineDynamicImports: true },
  plugins: [resolve({ preferBuiltins: true }), commonjs({ ignore: ['node:sqlite'] }), json()],
}
`

/** Bundlers make one file, which runs where nothing is installed. */
const bundlers: readonly [
  name: string,
  packages: string[],
  bundle: (project: Project) => Promise<unknown>,
][] = [
  [
    'esbuild',
    ['esbuild'],
    (project) =>
      project.run(
        'npx',
        'esbuild module.mjs --bundle --platform=node --outfile=out.cjs'.split(' '),
      ),
  ],
  [
    'webpack 5',
    ['webpack@5', 'webpack-cli'],
    (project) =>
      project.run(
        'npx',
        'webpack ./module.mjs --target node --mode production -o . --output-filename out.cjs'.split(
          ' ',
        ),
      ),
  ],
  [
    'rollup 4',
    ROLLUP,
    async (project) => {
      project.write('rollup.config.mjs', rollupConfig)
      await project.run('npx', ['rollup', '-c'])
    },
  ],
]

async function bundled(tools: Tools, name: string): Promise<string> {
  const [, packages = [], bundle] = bundlers.find(([each]) => each === name) ?? []
  const project = created(tools, `bundle ${name}`)
  await project.install(tools.tarball, ...packages)
  await bundle?.(project)
  const alone = new Project(tools.folder(`alone ${name}`))
  copyFileSync(join(project.folder, 'out.cjs'), join(alone.folder, 'out.cjs'))
  works(await alone.node(['out.cjs']))
  return join(alone.folder, 'out.cjs')
}

/** node --experimental-sea-config and postject, as Node's documentation has it. */
async function single(tools: Tools): Promise<void> {
  const main = await bundled(tools, 'esbuild')
  const node = tools.nodes['22'] ?? process.execPath
  const project = new Project(tools.folder('single'), node)
  await project.install('postject')
  project.write(
    'sea.json',
    JSON.stringify({ main, output: 'sea.blob', disableExperimentalSEAWarning: true }),
  )
  await project.node(['--experimental-sea-config', 'sea.json'])
  const program = join(project.folder, 'program')
  copyFileSync(node, program)
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
  await project.run('npx', [
    'postject',
    'program',
    'NODE_SEA_BLOB',
    'sea.blob',
    '--sentinel-fuse',
    fuse,
  ])
  works(await project.run(program, []))
}

export const bundles: readonly Row[] = [
  ...bundlers.map(([name]) => ({
    name,
    run: async (tools: Tools) => void (await bundled(tools, name)),
  })),
  { name: 'a single executable', run: single },
]

const JEST = `test('mounts', async () => {
  const { problemDetails } = await import('good-gateway/koa')
  expect(typeof problemDetails()).toBe('function')
})`
const VITEST = `import { expect, test } from 'vitest'
import { problemDetails } from 'good-gateway/koa'
test('mounts', () => expect(typeof problemDetails()).toBe('function'))`
const NODE_TEST = `import { test } from 'node:test'
import { problemDetails } from 'good-gateway/koa'
test('mounts', () => void problemDetails())`

const runner = (
  name: string,
  { packages, file, code }: { packages: string[]; file: string; code: string },
  run: (project: Project, file: string) => Promise<unknown>,
): Row => ({
  name,
  async run(tools) {
    const project = new Project(tools.folder(name))
    await project.install(tools.tarball, ...packages)
    project.write(file, code)
    await run(project, file)
  },
})

export const runners: readonly Row[] = [
  runner(
    'Jest, NODE_OPTIONS=--experimental-vm-modules',
    { packages: ['jest'], file: 'user.test.js', code: JEST },
    (project) => project.run('npx', ['jest'], { NODE_OPTIONS: '--experimental-vm-modules' }),
  ),
  runner('vitest', { packages: ['vitest'], file: 'user.test.mjs', code: VITEST }, (project) =>
    project.run('npx', ['vitest', 'run']),
  ),
  runner('node:test', { packages: [], file: 'user.test.mjs', code: NODE_TEST }, (project, file) =>
    project.node(['--test', file]),
  ),
]
