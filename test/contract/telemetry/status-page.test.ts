import assert from 'node:assert/strict'
import { type Exchange, breakers, type StatusPageOptions } from 'good-gateway'
import createHttpError from 'http-errors'
import { type Api, type Host, hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { type Received, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'

/** A request as a program on the same machine sends it. */
export const request = (method: string, path: string, ...fields: string[]): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost:1', 'Connection: close', ...fields, '', ''].join(
    '\r\n',
  )

const HTML = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8'
const JSON_TYPE = 'Accept: application/json'
const SAME = 'Sec-Fetch-Site: same-origin'

interface Started {
  readonly gateway: Listening
  readonly page: ReturnType<Api['statusPage']>
}

/** A gateway with a page and a circuit for each path. */
async function start(host: Host, name: string, options?: StatusPageOptions): Promise<Started> {
  let page: Started['page'] | undefined
  const gateway = await host.start({
    use: ({ problemDetails, statusPage, circuitBreaker }) => {
      page = statusPage(options)
      const key = ({ url }: Exchange) => decodeURIComponent(url)
      return [problemDetails(), page, circuitBreaker({ name, key })]
    },
    handler: (req, res) => res.end(`application ${req.method} ${req.url}`),
  })
  assert.ok(page)
  return { gateway, page }
}

interface Shown {
  circuits: { id: string; name: string; key?: string; state: string; retry_after?: number }[]
}

for (const host of hosts) {
  describe(`${host.name}, statusPage`, () => {
    const name = `status of ${host.name}`
    let started: Started
    const send = (...packets: string[]): Promise<Received> =>
      sendRaw(started.gateway.port, ...packets)

    before(async () => {
      started = await start(host, name)
      await send(request('GET', '/first'))
      await send(request('GET', '/%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%E2%80%AE'))
    })
    after(async () => {
      started.page.stop()
      await started.gateway.close()
    })

    it('is a page under a strict policy', async () => {
      const { status, head, body } = await send(request('GET', '/status', HTML))
      assert.equal(status, 200)
      assert.equal(fieldOf(head, 'content-type'), 'text/html; charset=utf-8')
      assert.equal(fieldOf(head, 'cache-control'), 'no-store')
      assert.equal(fieldOf(head, 'vary'), 'Accept')
      const policy = fieldOf(head, 'content-security-policy') ?? ''
      assert.match(
        policy,
        /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+';/,
      )
      assert.match(policy, /frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe|\*/)
      assert.match(body, /<h1>Gateway status<\/h1>/)
      assert.ok(body.includes(`<bdi>${name}</bdi>`), body)
      assert.doesNotMatch(body, /<form/)
    })

    it('escapes what clients have chosen, and shows what cannot be seen', async () => {
      const { body } = await send(request('GET', '/status', HTML))
      assert.ok(!body.includes('<script>alert'))
      assert.ok(
        body.includes('<bdi>/&lt;script&gt;alert(1)&lt;/script&gt;&quot;\\u{202e}</bdi>'),
        body,
      )
    })

    it('is JSON for those who ask for it', async () => {
      const { head, body } = await send(request('GET', '/status?from=script', JSON_TYPE))
      assert.equal(fieldOf(head, 'content-type'), 'application/json')
      const { circuits } = JSON.parse(body) as Shown
      const own = circuits.filter((circuit) => circuit.name === name && circuit.key === '/first')
      assert.deepEqual(
        own.map(({ state, retry_after }) => ({ state, retry_after })),
        [{ state: 'closed', retry_after: undefined }],
      )
    })

    it('is text for Prometheus, which accepts that most', async () => {
      const accept =
        'Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
      const { head, body } = await send(request('GET', '/status', accept))
      assert.equal(fieldOf(head, 'content-type'), 'text/plain; version=0.0.4; charset=utf-8')
      assert.match(body, /^good_gateway_requests_total\{.*status="200".*\} \d+$/m)
      assert.ok(body.includes(`good_gateway_circuit_state{circuit="${name}",state="closed"} 2`))
    })

    it('answers HEAD with the head, 405 to other methods, and leaves other paths alone', async () => {
      for (const accept of [HTML, JSON_TYPE, 'Accept: text/event-stream']) {
        const head = await send(request('HEAD', '/status', accept))
        assert.deepEqual([head.status, head.body], [200, ''])
        assert.match(accept, new RegExp(`${fieldOf(head.head, 'content-type')?.split(';')[0]}`))
      }
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const other = await send(request(method, '/status', SAME))
        assert.equal(other.status, 405)
        assert.equal(fieldOf(other.head, 'allow'), 'GET, HEAD')
      }
      assert.equal((await send(request('GET', '/status/'))).status, 200)
      for (const path of ['/statuses', '/status/x', '/status//', '/x/status', '/'])
        assert.equal((await send(request('GET', path))).body, `application GET ${path}`)
    })

    it('is not there for other hosts, which may be names of somebody else for this machine', async () => {
      for (const from of [
        'attacker.example',
        'localhost.attacker.example',
        'localhost.',
        '10.0.0.1',
      ]) {
        const sent = request('GET', '/status', HTML).replace('localhost:1', from)
        const { status, body } = await send(sent)
        assert.equal(status, 404, from)
        assert.doesNotMatch(body, /Gateway status/)
      }
      for (const own of ['127.0.0.1', '127.0.0.1:80', 'LOCALHOST', '[::1]:3000']) {
        const sent = request('GET', '/status', HTML).replace('localhost:1', own)
        assert.equal((await send(sent)).status, 200, own)
      }
    })

    for (const field of [
      'Forwarded: for=127.0.0.1',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: https',
      'x-forwarded-anything: ',
      'X-Real-IP: 127.0.0.1',
      'Via: 1.1 proxy',
    ]) {
      it(`is not there for what came through a proxy: ${field}`, async () => {
        const refused = await send(request('GET', '/status', field))
        assert.equal(problemIn(refused).code, 'route_not_found')
        assert.equal((await send(request('POST', '/status', field, SAME))).status, 404)
      })
    }
  })

  describe(`${host.name}, statusPage with authorize`, () => {
    const name = `actions of ${host.name}`
    let started: Started
    const send = (...packets: string[]): Promise<Received> =>
      sendRaw(started.gateway.port, ...packets)
    const TOKEN = 'Authorization: Bearer right'

    const post = (form: string, ...fields: string[]): Promise<Received> =>
      send(
        request(
          'POST',
          '/status',
          TOKEN,
          'Content-Type: application/x-www-form-urlencoded',
          `Content-Length: ${form.length}`,
          ...fields,
        ) + form,
      )
    const stateOf = (key: string) => {
      const circuit = breakers.get(name, key)
      return circuit && [circuit.state, circuit.held]
    }

    before(async () => {
      started = await start(host, name, {
        actions: true,
        authorize: async ({ req }) => {
          if (req.headers.authorization === undefined)
            throw createHttpError(401, 'Who are you?', {
              headers: { 'WWW-Authenticate': 'Basic realm="status"' },
            })
          return req.headers.authorization === 'Bearer right'
        },
      })
      await send(request('GET', '/a'))
    })
    after(async () => {
      started.page.stop()
      await started.gateway.close()
    })

    it('lets in whom it allows, from wherever, and hides from all others', async () => {
      const far = request('GET', '/status', TOKEN, 'X-Forwarded-For: 192.0.2.1')
      assert.equal((await send(far.replace('localhost:1', 'gateway.example'))).status, 200)
      const wrong = await send(request('GET', '/status', 'Authorization: Bearer wrong'))
      assert.equal(wrong.status, 404)
      assert.equal((await send(request('POST', '/status', 'Authorization: no', SAME))).status, 404)
    })

    it('answers with what it throws', async () => {
      const { status, head } = await send(request('GET', '/status'))
      assert.equal(status, 401)
      if (host.errors !== 'own') assert.match(fieldOf(head, 'www-authenticate') ?? '', /^Basic/)
    })

    it('does what the forms of the page ask for, and leads back to it', async () => {
      const { body } = await send(request('GET', '/status', HTML, TOKEN))
      const forms = [...body.matchAll(/<form method="post">(.*?)<\/form>/g)].map(
        ([, all]) => all ?? '',
      )
      const form = forms.find((each) => each.includes(`aria-label="Open ${name} /a"`)) ?? ''
      const [, circuit = ''] = /name="circuit" value="([^"]+)"/.exec(form) ?? []
      const opened = await post(`circuit=${circuit}&action=open`, SAME)
      assert.equal(opened.status, 303)
      assert.equal(fieldOf(opened.head, 'location'), '/status')
      assert.deepEqual(stateOf('/a'), ['open', true])
      assert.equal((await post(`circuit=${circuit}&action=close`, SAME)).status, 303)
      assert.deepEqual(stateOf('/a'), ['closed', false])
      assert.equal((await post(`circuit=${circuit}&action=release`, SAME)).status, 303)
      assert.equal(stateOf('/a'), undefined)
      assert.equal((await post(`circuit=${circuit}&action=open`, SAME)).status, 404)
      await send(request('GET', '/a'))
    })

    it('takes a circuit by its name and key, for scripts', async () => {
      const form = new URLSearchParams({ name, key: '/a', action: 'open' }).toString()
      assert.equal((await post(form, 'Origin: http://localhost:1')).status, 303)
      assert.deepEqual(stateOf('/a'), ['open', true])
      breakers.get(name, '/a')?.close()
    })

    for (const [title, fields] of Object.entries({
      'no sign of where it comes from': [],
      'another site': ['Sec-Fetch-Site: cross-site', 'Origin: http://localhost:1'],
      'another host of the site': ['Sec-Fetch-Site: same-site', 'Origin: http://localhost:1'],
      'a typed address': ['Sec-Fetch-Site: none'],
      'two words': ['Sec-Fetch-Site: same-origin, cross-site'],
      'another origin': ['Origin: http://attacker.example'],
      'another port': ['Origin: http://localhost:2'],
      'no origin': ['Origin: null'],
      'an origin that is none': ['Origin: http://localhost:1@attacker.example'],
      'another scheme': ['Origin: ftp://localhost:1'],
      'a referrer alone': ['Referer: http://localhost:1/status'],
    })) {
      it(`does nothing for a form of ${title}`, async () => {
        const form = new URLSearchParams({ name, key: '/a', action: 'open' }).toString()
        const { status } = await post(form, ...fields)
        assert.equal(status, 403)
        assert.deepEqual(stateOf('/a'), ['closed', false])
      })
    }

    it('does nothing by GET, and nothing that it does not know', async () => {
      const form = new URLSearchParams({ name, key: '/a', action: 'open' }).toString()
      assert.equal((await send(request('GET', `/status?${form}`, TOKEN, SAME))).status, 200)
      for (const broken of ['', `${form}x`, form.replace('open', 'toString'), '{"action":"open"}'])
        assert.equal((await post(broken, SAME)).status, 400, broken)
      assert.equal((await post('action=open&name=nobody', SAME)).status, 404)
      assert.equal((await post(`action=open&x=${'x'.repeat(70_000)}`, SAME)).status, 413)
      assert.deepEqual(stateOf('/a'), ['closed', false])
    })
  })
}

describe('statusPage at mount', () => {
  it('refuses actions without authorize, and options that are wrong', async () => {
    const { statusPage } = await import('good-gateway')
    const named = (message: RegExp) => ({ name: 'TypeError', message })
    assert.throws(() => statusPage({ actions: true }), named(/"actions" needs "authorize"/))
    assert.throws(() => statusPage({ path: 'status' }), named(/option "path" must be a path/))
    const wrong = { authorise: () => true } as StatusPageOptions
    assert.throws(() => statusPage(wrong), named(/did you mean "authorize"/))
  })
})
