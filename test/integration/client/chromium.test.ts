import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  bundleClient,
  codes,
  expected,
  FORMATS,
  others,
  routesOf,
} from '../../support/client-formats.js'
import { listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

describe('good-gateway/client in a browser', () => {
  it('reads each format, and leaves the rest unread', async function () {
    this.timeout(60_000)
    const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(isInstalled)
    if (browser === undefined) {
      console.log('      no Chromium here: skipped')
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
  const script = `${await bundleClient('iife')}
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
    // Helpers of the browser may still write there.
    await until(() => isRemoved(profile))
  }
}

function isRemoved(folder: string): boolean {
  try {
    rmSync(folder, { recursive: true, force: true })
    return true
  } catch {
    return false
  }
}
