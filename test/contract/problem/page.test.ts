import assert from 'node:assert/strict'
import createHttpError from 'http-errors'
import { GatewayError, type ProblemDetailsOptions } from 'good-gateway'
import { throwing } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { askGateway } from '../../support/gateway.js'
import { getLine, type Received } from '../../support/raw-client.js'

const CHROME =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'

for (const host of throwing) {
  describe(`${host.name}, the page for a browser`, () => {
    async function ask(
      thrown: Error,
      accept: string | undefined,
      options: ProblemDetailsOptions = {},
    ): Promise<Received> {
      const fields = accept === undefined ? [] : [`Accept: ${accept}`]
      return askGateway(
        host,
        {
          use: ({ problemDetails }) => [problemDetails(options)],
          handler: () => {
            throw thrown
          },
        },
        getLine('/', ...fields),
      )
    }

    const refused = new GatewayError('upstream_refused', { upstream: 'orders' })

    for (const accept of [
      CHROME,
      'text/html',
      'text/*',
      'application/json;q=0.5, text/html',
      'text/html, */*;q=0.1',
    ]) {
      it(`is sent for Accept: ${accept}`, async () => {
        const { status, head, body } = await ask(refused, accept)
        assert.equal(status, 502)
        assert.equal(fieldOf(head, 'content-type'), 'text/html; charset=utf-8')
        assert.match(fieldOf(head, 'vary') ?? '', /accept/i)
        assert.equal(fieldOf(head, 'cache-control'), 'no-store')
        assert.match(body, /^<!doctype html>/)
      })
    }

    for (const accept of [
      undefined,
      '*/*',
      '',
      'application/json',
      'application/problem+json',
      'application/json, text/html;q=0.9',
      'application/*, text/html;q=0.5',
      'text/html;q=0, */*',
      'text/html;q=0.5, */*',
      'text/plain',
      'text/event-stream',
      'image/png,*/*;q=0.5',
      ';;,"',
    ]) {
      it(`is not sent for Accept: ${String(accept)}`, async () => {
        problemIn(await ask(refused, accept))
      })
    }

    it('replaces every format but one that is HTML', async () => {
      const openai = await ask(refused, CHROME, { format: 'openai' })
      assert.match(openai.body, /^<!doctype html>/)
      assert.equal(fieldOf(openai.head, 'x-should-retry'), undefined)
      const own = { contentType: 'text/html; charset=utf-8', body: '<p>own' }
      const custom = await ask(refused, CHROME, { format: () => own })
      assert.equal(custom.body, '<p>own')
    })

    it('says what happened, what to do, and whom to tell with which id', async () => {
      const { head, body } = await ask(
        new GatewayError('circuit_open', { upstream: 'orders', retryAfter: 7 }),
        CHROME,
      )
      const id = fieldOf(head, 'x-request-id') ?? '-'
      assert.match(body, /<h1>Circuit is open<\/h1>/)
      assert.match(body, /What happened[^]*&quot;orders&quot; has been failing/)
      assert.match(body, /What to do[^]*Wait 7 seconds, then try again\./)
      assert.ok(body.includes(`<code>${id}</code>`))
      assert.ok(body.includes('<code>circuit_open</code>'))
      assert.equal(fieldOf(head, 'retry-after'), '7')
    })

    it('lists what the schema found', async () => {
      const { body } = await ask(
        new GatewayError('request_invalid', {
          errors: [{ in: 'query', name: 'a<b', code: 'type', detail: 'must be > 1' }],
        }),
        CHROME,
      )
      assert.match(body, /<li><code>query a&lt;b<\/code> must be &gt; 1<\/li>/)
      assert.match(body, /the same request would fail again/)
    })

    it('escapes whatever it shows, and allows nothing to run', async () => {
      const { head, body } = await ask(
        createHttpError(400, `<script>alert(1)</script> & "quotes" 'too'`),
        CHROME,
        { typeBase: `https://x.example/"><img src=x onerror=alert(1)>/` },
      )
      assert.doesNotMatch(body, /<script|<img/)
      assert.match(
        body,
        /&lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; &quot;quotes&quot; &#39;too/,
      )
      const policy = fieldOf(head, 'content-security-policy') ?? ''
      assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /)
      assert.doesNotMatch(policy, /unsafe|script-src/)
    })

    it('links to the page of the problem type where that is a URL', async () => {
      const linked = await ask(refused, CHROME, { typeBase: '/problems/' })
      assert.match(linked.body, /<a href="\/problems\/upstream_refused">/)
      assert.doesNotMatch((await ask(refused, CHROME)).body, /<a /)
      const script = await ask(refused, CHROME, { typeBase: 'javascript:alert(1)//' })
      assert.doesNotMatch(script.body, /<a /)
    })
  })
}
