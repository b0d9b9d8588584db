import assert from 'node:assert/strict'
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { codes, type Retry } from '../src/errors/codes.js'
import { nobody } from './support/servers.js'

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const withExamples = ['README.md', 'docs/guide.md', 'docs/design.md']
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** How the documents say whether a request may be repeated. */
const RETRYABLE: Readonly<Record<Retry, string>> = {
  safe: 'yes',
  idempotent: 'if repeatable',
  never: 'no',
}

interface Example {
  /** Name of a file for it. */
  readonly file: string
  /** Its code, at the lines that it has in its document. */
  readonly code: string
}

function examplesIn(path: string): Example[] {
  const text = read(path)
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ index, 1: code = '' }, at) => {
    const before = text.slice(0, index).split('\n').length
    return { file: `${basename(path, '.md')}-${at + 1}.ts`, code: '\n'.repeat(before) + code }
  })
}

/** A fresh project that has installed the package, and what the examples use beside it. */
function createProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'good-gateway-docs-'))
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: object }
  const link = (name: string, target: string) => {
    const path = join(folder, 'node_modules', name)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(target, path)
  }
  link('good-gateway', root)
  for (const name of Object.keys(devDependencies)) link(name, join(root, 'node_modules', name))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { types: ['node'] },
      include: ['*.ts'],
    }),
  )
  return folder
}

/** Mounts the examples that its parent names, then tells the port of the last, until it is let go. */
const PROGRAM = `
  let loaded
  for (const url of process.argv.slice(2)) loaded = await import(url)
  const { server } = loaded
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  process.once('disconnect', () => server.close())
  process.send(server.address().port)
`

/** A text with one place changed, which must be there. */
function changed(text: string, from: string, to: string): string {
  assert.ok(text.includes(from), `the example has no ${from}`)
  return text.replace(from, to)
}

/** Those that listen by themselves are run one by one. */
const listens = ({ code }: Example): boolean => code.includes('.listen(3000)')
const mounts = (example: Example): boolean => !listens(example)

describe('the examples of the documents', function () {
  this.timeout(60_000)
  let project: string
  const examples = withExamples.flatMap(examplesIn)

  before(() => {
    project = createProject()
    for (const { file, code } of examples) writeFileSync(join(project, file), code)
  })

  after(() => rmSync(project, { recursive: true }))

  it('type-check in a project with strict settings', () => {
    assert.ok(examples.length >= 5, `only ${examples.length} examples were found`)
    try {
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', project], { encoding: 'utf8' })
    } catch (error) {
      assert.fail((error as { stdout?: string }).stdout ?? String(error))
    }
  })

  it('mount, and the one of the README answers with the body that it shows', async () => {
    const readme = read('README.md')
    const [main, ...others] = examples
    const started = changed(
      changed(
        main?.code ?? '',
        'app.listen(3000)',
        "export const server = app.listen(0, '127.0.0.1')",
      ),
      'http://127.0.0.1:4000',
      nobody.url,
    )
    writeFileSync(join(project, 'started.ts'), started)
    writeFileSync(join(project, 'program.js'), PROGRAM)
    const child = fork(
      join(project, 'program.js'),
      [...others.filter(mounts).map(({ file }) => `./${file}`), './started.ts'],
      { cwd: root, execArgv: ['--import', 'tsx'], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    )
    const exited = once(child, 'exit') as Promise<[number | null]>
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => (output += part))
    }
    try {
      const [port] = (await Promise.race([once(child, 'message'), exited])) as [unknown]
      assert.ok(child.connected, output)
      const [, path, sent] =
        /^curl -i http:\/\/127\.0\.0\.1:3000(\S+) .* -d '(.+)'$/m.exec(readme) ?? []
      const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        ...(sent !== undefined && { body: sent }),
      })
      const shown = JSON.parse(/^```json\n(.*?)^```$/ms.exec(readme)?.[1] ?? '') as object
      const problem = (await response.json()) as { status: number; request_id: string }
      assert.deepEqual(Object.keys(problem), Object.keys(shown))
      assert.deepEqual(problem, { ...shown, request_id: problem.request_id })
      assert.equal(response.status, problem.status)
      child.disconnect()
      assert.deepEqual(await exited, [0, null], output)
    } finally {
      child.kill()
    }
  })

  for (const { file, code } of examplesIn('docs/guide.md').filter(listens)) {
    const title = /from '((?!node:|good-gateway|koa'|express'|fastify')[^']+)'/.exec(code)?.[1]
    it(`${file}, with ${title ?? 'node alone'}, explains an upstream that is down`, async () => {
      const target = nobody.url
      const started = code
        .replaceAll('http://127.0.0.1:4000', target)
        .replace(/^(.*)\.listen\(3000\)$/m, "const started = $1.listen(0, '127.0.0.1')")
      const served = `\nconst served = 'server' in started ? started.server : started\nexport { served as server }\n`
      writeFileSync(join(project, `run-${file}`), started + served)
      writeFileSync(join(project, 'program.js'), PROGRAM)
      const child = fork(join(project, 'program.js'), [`./run-${file}`], {
        cwd: root,
        execArgv: ['--import', 'tsx'],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (part: string) => (output += part))
      }
      const exited = once(child, 'exit').then(([status]) => assert.fail(`${status}: ${output}`))
      exited.catch(() => {})
      try {
        const [port] = (await Promise.race([once(child, 'message'), exited])) as [unknown]
        const answer = await fetch(`http://127.0.0.1:${String(port)}/orders`)
        const { code: reason } = (await answer.json()) as { code: string }
        assert.deepEqual([answer.status, reason], [502, 'upstream_refused'], output)
      } finally {
        child.kill()
      }
    })
  }
})

describe('docs/problems.md', () => {
  const [, ...sections] = read('docs/problems.md').split(/^## /m)

  it('has one heading for each code, in the order of the table', () => {
    assert.deepEqual(
      sections.map((section) => section.split('\n', 1)[0]),
      Object.keys(codes),
    )
  })

  for (const [code, { title, status, cause, proxyError, retry }] of Object.entries(codes)) {
    it(`says of ${code} what the table says, and what to do`, () => {
      const section = sections.find((text) => text.startsWith(`${code}\n`)) ?? ''
      assert.equal(section.split('\n')[2], `${title}.`)
      const facts =
        /^Status (\d{3})(?:, or [^.]+)?\. Cause `(\w+)`\. Proxy-Status (?:`(\w+)`|none)\. Retryable: (.+)\.$/m
      assert.deepEqual(facts.exec(section)?.slice(1), [
        String(status),
        cause,
        proxyError,
        RETRYABLE[retry],
      ])
      for (const part of ['What happened', 'Client', 'Operator']) {
        assert.match(section, new RegExp(`^\\*\\*${part}\\.\\*\\* \\S`, 'm'))
      }
    })
  }
})

describe('the table of the README', () => {
  it('has each code once, with its status, its cause and whether to retry', () => {
    const rows = read('README.md')
      .split('\n')
      .filter((line) => /^\| \d{3} /.test(line))
      .flatMap((line) => {
        const [, status, names = '', cause, retryable] = line.split('|').map((cell) => cell.trim())
        return [...names.matchAll(/`(\w+)`/g)].map(
          ([, code = '']) => [code, Number(status), cause, retryable] as const,
        )
      })
    const expected = Object.entries(codes).map(
      ([code, { status, cause, retry }]) => [code, status, cause, RETRYABLE[retry]] as const,
    )
    const byCode = (
      [one]: readonly [string, ...unknown[]],
      [other]: readonly [string, ...unknown[]],
    ) => (one < other ? -1 : 1)
    assert.deepEqual(rows.toSorted(byCode), expected.toSorted(byCode))
  })
})

/** The anchors of a document, as GitHub makes them from its headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )
}

describe('the links of the documents', () => {
  const prose = (path: string): string => read(path).replace(/^```.*?^```$/gms, '')

  for (const path of documents) {
    it(`of ${path} lead to files and headings that exist`, () => {
      const links = [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
      const broken = links.filter((link) => {
        if (/^https?:/.test(link)) return false
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path : join(dirname(path), file)
        if (!existsSync(join(root, target))) return true
        return anchor !== undefined && !anchorsOf(prose(target)).includes(anchor)
      })
      assert.deepEqual(broken, [])
    })
  }
})
