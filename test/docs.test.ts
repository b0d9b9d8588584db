import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import type { Express } from 'express'
import { breakers, type Problem } from 'good-gateway'
import { codes, type Retry } from '../src/errors/codes.js'
import {
  compile,
  createProject,
  type Example,
  examplesIn,
  listens,
  read,
  running,
  startable,
} from './support/documents.js'
import { listen } from './support/servers.js'

const root = join(import.meta.dirname, '..')
const markdownIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return folder === '' ? [] : markdownIn(path)
    return path.endsWith('.md') ? [path] : []
  })
const documents = [...markdownIn(''), ...markdownIn('docs')]

/** How the documents say whether a request may be repeated. */
const RETRYABLE: Readonly<Record<Retry, string>> = {
  safe: 'yes',
  idempotent: 'if repeatable',
  never: 'no',
}

describe('the examples of the documents', function () {
  this.timeout(60_000)
  let project: string
  const examples = documents.flatMap((path) => examplesIn(path))

  before(() => {
    project = createProject()
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: { types: ['node'] },
        include: ['*.ts'],
      }),
    )
    for (const { name, code } of examples) {
      writeFileSync(join(project, `${name}.ts`), code)
      compile(project, name, code)
    }
  })

  after(() => rmSync(project, { recursive: true }))

  const started = ({ name, code }: Example): string =>
    compile(project, `started-${name}`, startable(code))

  it('type-check in a project with strict settings', () => {
    assert.ok(examples.length >= 30, `only ${examples.length} examples were found`)
    try {
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', project], { encoding: 'utf8' })
    } catch (error) {
      assert.fail((error as { stdout?: string }).stdout ?? String(error))
    }
  })

  it('mount, where they do not listen, all in one process', async () => {
    const mounted = examples.filter((example) => !listens(example)).map(({ name }) => name)
    assert.ok(mounted.length >= 15, `only ${mounted.length} examples mount`)
    await running(project, mounted, async () => {})
  })

  for (const example of examplesIn('README.md')) {
    const host = /from '(koa|express)'/.exec(example.code)?.[1]
    it(`of the README for ${host} answers with the body that the README shows`, async () => {
      const readme = read('README.md')
      const [, path, sent = ''] =
        /^curl -i http:\/\/127\.0\.0\.1:3000(\S+) .* -d '(.+)'$/m.exec(readme) ?? []
      const shown = JSON.parse(/^```json\n(.*?)^```$/ms.exec(readme)?.[1] ?? '') as object
      await running(project, [started(example)], async (url) => {
        const response = await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: sent,
        })
        const problem = (await response.json()) as Problem
        assert.deepEqual(Object.keys(problem), Object.keys(shown))
        assert.deepEqual(problem, { ...shown, request_id: problem.request_id })
        assert.equal(response.status, problem.status)
      })
    })
  }

  for (const path of documents.filter((document) => document.startsWith('docs/'))) {
    for (const example of examplesIn(path).filter(listens)) {
      it(`under "${example.heading}" in ${path} answers for an upstream that is down`, async () => {
        await running(project, [started(example)], async (url) => {
          const answer = await fetch(`${url}/orders`)
          const { code } = (await answer.json()) as Problem
          assert.deepEqual([answer.status, code], [502, 'upstream_refused'])
        })
      })
    }
  }

  describe('under "Order" do what its tables say', () => {
    const bad = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }
    const tell = {
      code: async (response: Response) => ((await response.json()) as Problem).code,
      type: async ({ headers }: Response) => headers.get('content-type'),
      coding: async ({ headers }: Response) => headers.get('content-encoding'),
      origin: async ({ headers }: Response) => headers.get('access-control-allow-origin'),
    }
    const PAGE = 'text/html; charset=utf-8'
    const PROBLEM = 'application/problem+json'
    const cases: Record<
      string,
      { request?: RequestInit; open?: string; told: keyof typeof tell } & Record<
        'wrong' | 'right',
        [status: number, told: string | null]
      >
    > = {
      'After the proxy': { told: 'type', wrong: [500, PAGE], right: [502, PROBLEM] },
      'A refusal before problemDetails': {
        request: bad,
        told: 'type',
        wrong: [400, PAGE],
        right: [400, PROBLEM],
      },
      'A body parser before validate': {
        request: bad,
        told: 'code',
        wrong: [500, 'gateway_misconfigured'],
        right: [400, 'request_invalid'],
      },
      'circuitBreaker before validate': {
        request: bad,
        open: 'stock of the shop',
        told: 'code',
        wrong: [503, 'circuit_open'],
        right: [400, 'request_invalid'],
      },
      'Compression and sessions after problemDetails': {
        told: 'coding',
        wrong: [502, null],
        right: [502, 'gzip'],
      },
      'CORS after what refuses': {
        request: bad,
        told: 'origin',
        wrong: [400, null],
        right: [400, 'https://shop.example.com'],
      },
    }

    it('and each section is tried', () => {
      const headings = examplesIn('docs/guide/order.md').map(({ heading }) => heading)
      assert.deepEqual(headings, Object.keys(cases))
    })

    for (const { heading, name, code } of examplesIn('docs/guide/order.md')) {
      it(heading, async () => {
        const { request, open, told, ...expected } = cases[heading] ?? assert.fail(heading)
        const mounted = startable(code).split('\nconst served')[0] ?? ''
        const file = compile(project, `tried-${name}`, mounted)
        const apps = (await import(join(project, `${file}.js`))) as Record<
          'wrong' | 'right',
          Express
        >
        if (open !== undefined) breakers.get(open)?.open()
        try {
          for (const order of ['wrong', 'right'] as const) {
            const server = await listen(createServer(apps[order].set('env', 'test')))
            const response = await fetch(server.url, request).finally(server.close)
            assert.deepEqual([response.status, await tell[told](response)], expected[order], order)
          }
        } finally {
          breakers.releaseAll()
        }
      })
    }
  })
})

describe('docs/problems.md', () => {
  const [preface = '', ...sections] = read('docs/problems.md').split(/^## /m)

  it('has one heading for each code, in the order of the table', () => {
    assert.deepEqual(
      sections.map((section) => section.split('\n', 1)[0]),
      Object.keys(codes),
    )
  })

  it('has a table with each code once, its status, its cause and whether to retry', () => {
    const rows = preface
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

/** The anchors of a document, as GitHub makes them from its headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )
}

const prose = (path: string): string => read(path).replace(/^```.*?^```$/gms, '')
const linksOf = (path: string): string[] =>
  [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)

describe('the links of the documents', () => {
  for (const path of documents) {
    it(`of ${path} lead to files and headings that exist`, () => {
      const broken = linksOf(path).filter((link) => {
        if (/^https?:/.test(link)) return false
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path : join(dirname(path), file)
        if (!existsSync(join(root, target))) return true
        return anchor !== undefined && !anchorsOf(prose(target)).includes(anchor)
      })
      assert.deepEqual(broken, [])
    })
  }

  it('lead from the index of the guide to each of its pages', () => {
    const linked = new Set(linksOf('docs/guide.md').map((link) => `docs/${link.split('#', 1)[0]}`))
    assert.deepEqual(
      markdownIn('docs/guide').filter((page) => !linked.has(page)),
      [],
    )
  })
})
