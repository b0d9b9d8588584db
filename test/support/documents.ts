import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'
import { nobody } from './servers.js'

const root = join(import.meta.dirname, '../..')

/** A file of this project, as text. */
export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** An example of a document. */
export interface Example {
  /** Name of a file for it, without its ending. */
  readonly name: string
  /** Its code, at the lines that it has in its document. */
  readonly code: string
  /** The heading that it stands under. */
  readonly heading: string
}

/**
 * The examples of a document: those in `ts` use what is installed here; those in `typescript` need
 * more.
 */
export function examplesIn(path: string, language: 'ts' | 'typescript' = 'ts'): Example[] {
  const text = read(path)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ({ index, 1: code = '' }, at) => {
      const before = text.slice(0, index)
      return {
        name: `${path.replace(/\.md$/, '').replaceAll('/', '-')}-${at + 1}`,
        code: '\n'.repeat(before.split('\n').length) + code,
        heading: /.*^#+ (.+?)$/ms.exec(before)?.[1] ?? '',
      }
    },
  )
}

/** A fresh project that has installed the package, and what the examples use beside it. */
export function createProject(folder = mkdtempSync(join(tmpdir(), 'good-gateway-docs-'))): string {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    object
  >
  const link = (name: string, target: string) => {
    const path = join(folder, 'node_modules', name)
    if (existsSync(path)) return
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(target, path)
  }
  link('good-gateway', root)
  for (const name of Object.keys({ ...dependencies, ...devDependencies }))
    link(name, join(root, 'node_modules', name))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'program.js'), PROGRAM)
  return folder
}

/** Writes an example into a project, compiled: a process without a compiler of its own starts sooner. */
export function compile(project: string, name: string, code: string): string {
  const tsconfigRaw = { compilerOptions: { experimentalDecorators: true } }
  const options = { loader: 'ts', format: 'esm', target: 'node20', tsconfigRaw } as const
  const compiled = transformSync(code, options).code
  writeFileSync(join(project, `${name}.js`), compiled)
  return name
}

/** Imports the files that its parent names, then tells it the port of the last, if that one listens. */
const PROGRAM = `
  let loaded
  for (const url of process.argv.slice(2)) loaded = await import(url)
  const { server } = loaded
  if (server && !server.listening) await new Promise((resolve) => server.once('listening', resolve))
  process.once('disconnect', () => server?.close())
  process.send(server?.address().port ?? 0)
`

/** Imports examples of the project in a process of their own, works with their port, and ends it. */
export async function running(
  project: string,
  names: readonly string[],
  work: (url: string) => Promise<void>,
): Promise<void> {
  const child = fork(
    join(project, 'program.js'),
    names.map((name) => `./${name}.js`),
    { cwd: root, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  )
  const exited = once(child, 'exit') as Promise<[number | null]>
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => (output += part))
  }
  try {
    const [port] = (await Promise.race([once(child, 'message'), exited])) as [unknown]
    assert.ok(child.connected, output)
    await work(`http://127.0.0.1:${String(port)}`)
    child.disconnect()
    assert.deepEqual(await exited, [0, null], output)
  } finally {
    child.kill()
  }
}

/** Whether an example ends by listening. */
export const listens = ({ code }: Example): boolean => code.includes('.listen(3000)')

/** An example that listens at any free port, in front of an upstream; without one, that is down. */
export const startable = (code: string, upstream: string = nobody.url): string =>
  code
    .replaceAll('http://127.0.0.1:4000', upstream)
    .replace(/^(.*)\.listen\(3000\)$/m, "const started = $1.listen(0, '127.0.0.1')") +
  "\nconst served = 'server' in started ? started.server : started\nexport { served as server }\n"
