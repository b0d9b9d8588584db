import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { isProblem, readProblem, type ResponseLike, retryDelay } from 'good-gateway/client'
import {
  bundleClient,
  codes,
  expected,
  FORMATS,
  others,
  routesOf,
} from './support/client-formats.js'
import { type Listening, listen } from './support/servers.js'

const root = join(import.meta.dirname, '..')

describe('good-gateway/client', () => {
  let server: Listening
  before(async () => (server = await listen(createServer(routesOf))))
  after(() => server.close())

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
    const code = await bundleClient('esm')
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
})
