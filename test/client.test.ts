import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import * as fc from 'fast-check'
import { type Format, GatewayError, listener, problemDetails } from 'good-gateway'
import { isProblem, readProblem, type ResponseLike, retryDelay } from 'good-gateway/client'
import { type Listening, listen } from './support/servers.js'
import { until } from './support/until.js'

const root = join(import.meta.dirname, '..')

async function bundle(format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'dist/client.js')],
    bundle: true,
    minify: true,
    format,
    globalName: 'client',
    platform: 'browser',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

const FORMATS: readonly Format[] = ['problem', 'openai', 'anthropic', 'aws']

/** Answers `/<format>` with a problem in that format, and `/other/…` with what is none. */
const gateways = FORMATS.map(
  (format) =>
    [
      `/${String(format)}`,
      listener(problemDetails({ format }), () => {
        throw new GatewayError('upstream_rate_limited', { upstream: 'orders', retryAfter: 7 })
      }),
    ] as const,
)

const others: Record<string, readonly [status: number, type: string, body: string]> = {
  html: [502, 'text/html', '<h1>Bad gateway</h1>'],
  good: [200, 'application/json', '{"type":"a","title":"b","status":200}'],
  'own-json': [500, 'application/json', '{"error":"stock_failed"}'],
  array: [500, 'application/json', '[1]'],
  'not-json': [500, 'application/problem+json', '{"type":'],
  scalar: [500, 'application/problem+json', '7'],
  none: [204, 'text/plain', ''],
  large: [500, 'application/problem+json', `{"title":"${'x'.repeat(70_000)}"}`],
}

const routesOf: RequestListener = (req, res) => {
  const gateway = gateways.find(([path]) => path === req.url)?.[1]
  if (gateway) return void gateway(req, res)
  const other = others[req.url?.replace('/other/', '') ?? '']
  if (other) return void res.writeHead(other[0], { 'Content-Type': other[1] }).end(other[2])
  return void res.writeHead(404).end()
}

describe('good-gateway/client', () => {
  let server: Listening
  before(async () => (server = await listen(createServer(routesOf))))
  after(() => server.close())

  const expected = {
    status: 429,
    detail: '"orders" accepts no more requests for now.',
    retryable: true,
    retry_after: 7,
  }
  const codes: Record<string, string | undefined> = {
    problem: 'upstream_rate_limited',
    openai: 'upstream_rate_limited',
    anthropic: undefined,
    aws: 'upstream_rate_limited',
  }

  for (const format of FORMATS.map(String)) {
    it(`reads the format ${format}`, async () => {
      const response = await fetch(`${server.url}/${format}`)
      const problem = await readProblem(response)
      assert.ok(isProblem(problem))
      const { status, detail, retryable, retry_after } = problem
      assert.deepEqual({ status, detail, retryable, retry_after }, expected)
      assert.equal(problem.code, codes[format])
      assert.match(problem.request_id ?? '', /^[0-9a-f-]{36}$/)
      assert.equal(retryDelay(problem, 3), 7000)
    })
  }

  it('gives the standard body as it is', async () => {
    const response = await fetch(`${server.url}/problem`)
    const body: unknown = await response.clone().json()
    assert.deepEqual(await readProblem(response), body)
  })

  for (const [name, [status, , body]] of Object.entries(others)) {
    it(`leaves ${name} unread`, async () => {
      const response = await fetch(`${server.url}/other/${name}`)
      assert.equal(await readProblem(response), undefined)
      assert.equal(response.status, status)
      assert.equal(await response.text(), body)
    })
  }

  it('frees the connection of the response that it has read', async () => {
    const own = await listen(createServer(routesOf))
    try {
      for (let round = 0; round < 10; round++) await readProblem(await fetch(`${own.url}/problem`))
      assert.ok(own.connections() <= 2, `${own.connections()} connections`)
    } finally {
      await own.close()
    }
  })

  const plain = (body: object, init: ResponseInit = {}): Response =>
    new Response(JSON.stringify(body), {
      status: 503,
      headers: { 'Content-Type': 'Application/Problem+JSON; charset=utf-8' },
      ...init,
    })

  it('reads plain RFC 9457, with defaults for what is missing', async () => {
    assert.deepEqual(await readProblem(plain({ detail: 'Later.', balance: 30 })), {
      type: 'about:blank',
      title: 'Status 503',
      status: 503,
      detail: 'Later.',
      balance: 30,
      retryable: true,
    })
    const title = (await readProblem(plain({}, { statusText: 'Service Unavailable' })))?.title
    // `plain` is replaced whole by an init with headers of its own.
    assert.equal(title, 'Service Unavailable')
  })

  it('ignores members of the wrong type, and a status that is not that of the response', async () => {
    const wrong = {
      type: 7,
      title: null,
      status: 200,
      detail: {},
      retryable: 'yes',
      retry_after: '9',
      upstream: 'orders',
      errors: ['x'],
      request_id: 1,
      __proto__: { polluted: true },
    }
    assert.deepEqual(await readProblem(plain(wrong)), {
      type: 'about:blank',
      title: 'Status 503',
      status: 503,
      retryable: true,
    })
  })

  it('reads Retry-After, as seconds and as a date, and x-should-retry', async () => {
    const type = { 'Content-Type': 'application/problem+json' }
    const asked = async (headers: Record<string, string>, status = 500) =>
      await readProblem(plain({}, { status, headers: { ...type, ...headers } }))
    assert.equal((await asked({}))?.retryable, false)
    assert.deepEqual(
      [
        (await asked({ 'Retry-After': '3' }))?.retry_after,
        (await asked({ 'Retry-After': '3' }))?.retryable,
      ],
      [3, true],
    )
    const date = new Date(Date.now() + 60_000).toUTCString()
    const wait = (await asked({ 'Retry-After': date }))?.retry_after ?? 0
    assert.ok(wait > 55 && wait <= 60, String(wait))
    assert.equal((await asked({ 'Retry-After': 'soon' }))?.retry_after, undefined)
    assert.equal((await asked({ 'X-Should-Retry': 'true' }))?.retryable, true)
    assert.equal((await asked({ 'X-Should-Retry': 'false' }, 503))?.retryable, false)
  })

  it('does not wait for a body that stops arriving', async () => {
    const still = {
      read: () => new Promise<never>(() => {}),
      cancelled: false,
      cancel: async () => void (still.cancelled = true),
    }
    const response: ResponseLike = {
      status: 500,
      statusText: '',
      headers: new Headers({ 'Content-Type': 'application/problem+json' }),
      body: { getReader: () => still, cancel: async () => {} },
      clone: () => response,
    }
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const reading = readProblem(response)
      mock.timers.tick(5000)
      assert.equal(await reading, undefined)
      assert.equal(still.cancelled, true)
    } finally {
      mock.timers.reset()
    }
  })

  it('does not read an endless body to its end', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1024
        controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
    })
    const headers = { 'Content-Type': 'application/problem+json' }
    assert.equal(await readProblem(new Response(endless, { status: 500, headers })), undefined)
    assert.ok(sent < 100_000, String(sent))
  })

  it('never throws, whatever it is given', async () => {
    const used = plain({})
    await used.text()
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('x')) })
    const headers = { 'Content-Type': 'application/problem+json' }
    for (const odd of [
      undefined,
      null,
      {},
      Response.error(),
      used,
      new Response(null, { status: 500, headers }),
      new Response(broken, { status: 500, headers }),
      new Response(new Uint8Array([0xff, 0xfe]), { status: 500, headers }),
    ]) {
      assert.equal(await readProblem(odd as Response), undefined)
    }
  })

  it('gives a problem or undefined for any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (value, standard) => {
        const type = standard ? 'application/problem+json' : 'application/json'
        const response = new Response(JSON.stringify(value), {
          status: 500,
          headers: { 'Content-Type': type },
        })
        const problem = await readProblem(response)
        assert.ok(problem === undefined || isProblem(problem))
        retryDelay(problem)
      }),
    )
  })

  it('tells whether a value is a problem', () => {
    assert.equal(isProblem({ type: 'about:blank', title: 'x', status: 500 }), true)
    for (const none of [
      undefined,
      null,
      7,
      'x',
      [],
      {},
      { type: 'a', title: 'b', status: '500' },
    ]) {
      assert.equal(isProblem(none), false)
    }
  })

  it('waits longer each time, within bounds, and not at all for what is not retryable', () => {
    const problem = { type: 'about:blank', title: 'x', status: 502, retryable: true }
    const bounds: [attempt: number, longest: number][] = [
      [1, 500],
      [2, 1000],
      [4, 4000],
      [20, 30_000],
      [1e9, 30_000],
      [0, 500],
      [-1, 500],
      [NaN, 500],
    ]
    for (const [attempt, longest] of bounds) {
      const seen = Array.from({ length: 50 }, () => retryDelay(problem, attempt) ?? NaN)
      assert.ok(
        seen.every((wait) => wait > longest / 2 - 1 && wait <= longest),
        `${attempt}: ${seen}`,
      )
      assert.ok(new Set(seen).size > 1)
    }
    assert.equal(retryDelay({ ...problem, retry_after: 1e12 }), 2_147_483_000)
    assert.equal(retryDelay({ ...problem, retryable: false, retry_after: 5 }), undefined)
    assert.equal(retryDelay(undefined), undefined)
  })

  it('is under 2 KB, minified and compressed, and imports nothing', async () => {
    const code = await bundle('esm')
    const size = gzipSync(code, { level: 9 }).length
    assert.ok(size < 2048, `${size} bytes`)
    assert.doesNotMatch(code, /\bimport\b|\brequire\b|node:/)
  })

  it('has types that need the DOM only', function () {
    this.timeout(60_000)
    const folder = mkdtempSync(join(tmpdir(), 'good-gateway-client-'))
    try {
      mkdirSync(join(folder, 'node_modules'))
      symlinkSync(root, join(folder, 'node_modules/good-gateway'))
      writeFileSync(
        join(folder, 'app.ts'),
        `import { isProblem, readProblem, retryDelay } from 'good-gateway/client'
         const problem = await readProblem(await fetch('/'))
         export const wait: number | undefined = retryDelay(problem, 1)
         if (problem?.code === 'circuit_open') document.title = problem.detail ?? problem.title
         export const known: boolean = isProblem(JSON.parse('{}'))`,
      )
      const flags = '--strict --exactOptionalPropertyTypes --noEmit --module esnext --types'
      const lib = '--moduleResolution bundler --target es2022 --lib es2022,dom app.ts'
      execFileSync(
        join(root, 'node_modules/.bin/tsc'),
        [...flags.split(' '), '', ...lib.split(' ')],
        { cwd: folder, encoding: 'utf8' },
      )
    } catch (error) {
      assert.fail((error as { stdout?: string }).stdout ?? String(error))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('works in headless Chromium, where that is installed', async function () {
    this.timeout(60_000)
    const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(isInstalled)
    if (browser === undefined) {
      console.log('      no Chromium here: its part of the test is left out')
      return this.skip()
    }
    const seen = await inBrowser(browser)
    for (const format of FORMATS.map(String)) {
      const { status, detail, retryable, retry_after, code } = seen[format] as Record<
        string,
        unknown
      >
      assert.deepEqual({ status, detail, retryable, retry_after }, expected)
      assert.equal(code, codes[format])
    }
    for (const [name, [, , body]] of Object.entries(others)) {
      assert.deepEqual(seen[name], { problem: null, body })
    }
  })
})

function isInstalled(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What the client reads in a page of the same origin as the gateway. */
async function inBrowser(browser: string): Promise<Record<string, unknown>> {
  const script = `${await bundle('iife')}
    const seen = {}
    for (const format of ${JSON.stringify(FORMATS)})
      seen[format] = (await client.readProblem(await fetch('/' + format))) ?? null
    for (const name of ${JSON.stringify(Object.keys(others))}) {
      const response = await fetch('/other/' + name)
      const problem = (await client.readProblem(response)) ?? null
      seen[name] = { problem, body: await response.text() }
    }
    await fetch('/seen', { method: 'POST', body: JSON.stringify(seen) })`
  let seen: Record<string, unknown> | undefined
  const server = await listen(
    createServer((req, res) => {
      if (req.url === '/') {
        res.setHeader('Content-Type', 'text/html').end(`<script type="module">${script}</script>`)
      } else if (req.url === '/seen') {
        void text(req).then((body) => (seen = JSON.parse(body) as Record<string, unknown>))
        res.end()
      } else routesOf(req, res)
    }),
  )
  const profile = mkdtempSync(join(tmpdir(), 'good-gateway-chromium-'))
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0']
  const child = spawn(browser, [...flags, `--user-data-dir=${profile}`, server.url], {
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  try {
    await until(() => seen !== undefined || child.exitCode !== null)
    return seen ?? {}
  } finally {
    child.kill()
    await exited
    await server.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}
