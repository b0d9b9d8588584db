import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import axe from 'axe-core'
import {
  breakers,
  circuitBreaker,
  type Exchange,
  listener,
  problemDetails,
  routes,
  statusPage,
} from 'good-gateway'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

const CHROMIUM = '/usr/bin/chromium'
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP rebound.example 127.0.0.1',
]
const EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>'

const keyOf = ({ req }: Exchange) => String(req.headers['x-tenant'] ?? '')
const page = statusPage({ path: '/status', authorize: () => true, actions: true })
const local = statusPage({ path: '/local' })

async function startGateway(): Promise<Listening> {
  const upstream = await listen(createServer((_req, res) => res.end('ok')))
  const forward = createForward()
  const table = routes({
    'GET /good': circuitBreaker({ name: 'seen good' }),
    'GET /bad': circuitBreaker({ name: 'seen bad', consecutiveFailures: 2, resetTimeout: 60_000 }),
    'GET /tenant': circuitBreaker({ name: 'seen tenant', key: keyOf }),
  })
  const handler = listener(problemDetails(), page, local, table, (req, res) =>
    forward(req, res, req.url === '/bad' ? nobody.url : upstream.url),
  )
  const gateway = await listen(createServer(handler))
  for (const path of ['/good', '/good', '/bad', '/bad', '/bad'])
    await sendRaw(gateway.port, getLine(path))
  await sendRaw(gateway.port, getLine('/tenant', `X-Tenant: ${EVIL}`))
  channel('good-gateway:fleet').publish({ fleet: 'seen', state: 'away', result: 'heard' })
  return {
    ...gateway,
    async close() {
      await gateway.close()
      await upstream.close()
    },
  }
}

describe('the status page in Chromium', function () {
  this.timeout(60_000)
  let browser: Browser
  let gateway: Listening
  let url: string

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.log(`      skipped: ${CHROMIUM} is not installed`)
      this.skip()
    }
    gateway = await startGateway()
    url = `http://localhost:${gateway.port}/status`
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
  })
  after(async () => {
    page.stop()
    local.stop()
    await browser?.close()
    await gateway?.close()
  })
  afterEach(() => {
    for (const entry of breakers.list()) if (entry.name === 'seen good') entry.close()
  })

  /** Runs a test in a tab of its own, which must end without a complaint of the browser. */
  async function inTab(
    options: BrowserContextOptions,
    work: (tab: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext(options)
    try {
      const tab = await context.newPage()
      const complaints: string[] = []
      tab.on('console', (message) => complaints.push(message.text()))
      tab.on('pageerror', (error) => complaints.push(String(error)))
      tab.on('dialog', (dialog) => complaints.push(dialog.message()))
      await work(tab)
      assert.deepEqual(complaints, [])
    } finally {
      await context.close()
    }
  }

  /** A row, by the name of its circuit. */
  const row = (tab: Page, name: string) =>
    tab.getByRole('table', { name: 'Circuits' }).getByRole('row').filter({ hasText: name })

  const schemes = {
    375: ['light', 'dark'],
    768: ['light'],
    900: ['light'],
    1280: ['light', 'dark'],
  } as const
  for (const [pixels, colorSchemes] of Object.entries(schemes))
    for (const colorScheme of colorSchemes)
      it(`fits ${pixels} pixels, and has nothing that axe finds: ${colorScheme}`, async () => {
        const width = Number(pixels)
        await inTab({ viewport: { width, height: 800 }, colorScheme }, async (tab) => {
          await tab.goto(url)
          await tab.getByText('Live').waitFor()
          const scrolled = await tab.evaluate('document.documentElement.scrollWidth')
          assert.ok(Number(scrolled) <= width, `${String(scrolled)} pixels`)
          await tab.evaluate(axe.source)
          const found = (await tab.evaluate('axe.run()')) as axe.AxeResults
          assert.deepEqual(
            found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
            [],
          )
          assert.match((await row(tab, 'seen bad').locator('.state').textContent()) ?? '', /Open/)
          assert.equal(await row(tab, 'seen good').getByText('Closed').isVisible(), true)
        })
      })

  it('runs nothing that a client has put into a key', async () => {
    await inTab({}, async (tab) => {
      await tab.goto(url)
      await row(tab, EVIL).waitFor()
      assert.equal(await tab.title(), 'Gateway status')
      assert.equal(await tab.locator('img').count(), 0)
    })
  })

  it('changes by itself, and keeps the focus', async () => {
    await inTab({}, async (tab) => {
      await tab.goto(url)
      await tab.getByText('Live').waitFor()
      await tab.getByRole('button', { name: 'Release seen good' }).focus()
      breakers.get('seen good')?.open()
      await row(tab, 'seen good').getByText('Held open').waitFor()
      const focused = await tab.evaluate('document.activeElement.getAttribute("aria-label")')
      assert.equal(focused, 'Release seen good')
      await tab.locator('#summary').getByText('1 circuit held open by hand').waitFor()
    })
  })

  it('is worked with the keyboard alone', async () => {
    await inTab({}, async (tab) => {
      await tab.goto(url)
      const focused = () => tab.evaluate('document.activeElement.getAttribute("aria-label")')
      for (let pressed = 0; (await focused()) !== 'Open seen good'; pressed++) {
        assert.ok(pressed < 30, 'the button is not reached')
        await tab.keyboard.press('Tab')
      }
      await tab.keyboard.press('Enter')
      await row(tab, 'seen good').getByText('Held open').waitFor()
      assert.equal(breakers.get('seen good')?.held, true)
      // What a reload sends again is the page, not the form.
      breakers.get('seen good')?.close()
      await tab.reload()
      await row(tab, 'seen good').getByText('Closed').waitFor()
    })
  })

  it('is whole without script', async () => {
    await inTab({ javaScriptEnabled: false }, async (tab) => {
      await tab.goto(url)
      await tab.getByRole('button', { name: 'Open seen good' }).click()
      await row(tab, 'seen good').getByText('Held open').waitFor()
      breakers.get('seen good')?.close()
      await tab.getByRole('link', { name: 'Reload' }).click()
      await row(tab, 'seen good').getByText('Closed').waitFor()
    })
  })

  it('says when it is not live, and comes back', async () => {
    await inTab({}, async (tab) => {
      await tab.goto(url)
      await tab.getByText('Live', { exact: true }).waitFor()
      await tab.context().setOffline(true)
      await tab.getByText('Not live').first().waitFor()
      await tab.context().setOffline(false)
      await tab.getByText('Live', { exact: true }).waitFor()
    }).catch((error: unknown) => {
      // The browser itself complains of the network.
      assert.match(String(error), /ERR_INTERNET_DISCONNECTED/)
    })
  })

  it('does nothing for the forms of other sites, and is in no frame of theirs', async () => {
    const form =
      `<form method="post" action="${url}"><input name="name" value="seen good">` +
      '<button name="action" value="open">Win</button></form>' +
      `<iframe src="${url}"></iframe>`
    const attacker = await listen(
      createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end(form)),
    )
    const context = await browser.newContext()
    try {
      const tab = await context.newPage()
      await tab.goto(attacker.url)
      assert.equal(await tab.frames()[1]?.getByText('Gateway status').count(), 0)
      const [response] = await Promise.all([
        tab.waitForResponse((each) => each.request().method() === 'POST'),
        tab.getByRole('button').click(),
      ])
      assert.equal(response.status(), 403)
      assert.equal(breakers.get('seen good')?.held, false)
    } finally {
      await context.close()
      await attacker.close()
    }
  })

  it('is not there under a name that somebody else has bound to this machine', async () => {
    const context = await browser.newContext()
    try {
      const tab = await context.newPage()
      const rebound = await tab.goto(`http://rebound.example:${gateway.port}/local`)
      assert.equal(rebound?.status(), 404)
      const own = await tab.goto(`http://localhost:${gateway.port}/local`)
      assert.equal(own?.status(), 200)
    } finally {
      await context.close()
    }
  })
})
