import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { GatewayError } from 'good-gateway'
import { codes } from '../../../src/errors/codes.js'
import { advice } from '../../../src/problem/advice.js'
import { throwing } from '../../support/hosts.js'
import { fieldOf } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'
import { adviceInDocs } from '../../support/write-advice.js'

for (const host of throwing) {
  describe(`${host.name}, problemPages`, () => {
    let gateway: Listening

    before(async () => {
      gateway = await host.start({
        use: ({ problemDetails, problemPages }) => [
          problemDetails({ typeBase: '/about/problems/' }),
          problemPages({ path: '/about/problems/' }),
        ],
        handler: (req, res) => {
          if (req.url === '/fails') throw new GatewayError('upstream_refused')
          res.end(`application ${req.method} ${req.url}`)
        },
      })
    })
    after(() => gateway.close())

    it('serves the page that the type of a problem links to', async () => {
      const failed = await sendRaw(gateway.port, getLine('/fails'))
      const { type } = JSON.parse(failed.body) as { type: string }
      const { status, head, body } = await sendRaw(gateway.port, getLine(type))
      assert.equal(status, 200)
      assert.equal(fieldOf(head, 'content-type'), 'text/html; charset=utf-8')
      assert.match(fieldOf(head, 'content-security-policy') ?? '', /^default-src 'none'/)
      assert.match(body, /<h1>Upstream refused the connection<\/h1>/)
      assert.match(body, /<p>Nothing accepts connections at the address of the upstream\.<\/p>/)
      assert.match(body, /Is the upstream up\?/)
    })

    it('has a page for each code, and a list of them', async () => {
      const list = await sendRaw(gateway.port, getLine('/about/problems/?from=mail'))
      for (const [code, { title }] of Object.entries(codes)) {
        assert.ok(list.body.includes(`href="/about/problems/${code}"`), code)
        const { status, body } = await sendRaw(gateway.port, getLine(`/about/problems/${code}`))
        assert.equal(status, 200)
        assert.ok(body.includes(`<h1>${title}</h1>`))
        assert.doesNotMatch(body, /\]\(|`|undefined/)
      }
    })

    it('answers HEAD with the head, and leaves all else to the application', async () => {
      const page = getLine('/about/problems/circuit_open')
      const head = await sendRaw(gateway.port, page.replace('GET', 'HEAD'))
      assert.deepEqual([head.status, head.body], [200, ''])
      for (const request of [
        page.replace('GET', 'DELETE'),
        getLine('/about/problems/nothing'),
        getLine('/about/problems'),
        getLine('/'),
      ]) {
        assert.match((await sendRaw(gateway.port, request)).body, /application /)
      }
    })
  })
}

describe('problemPages at mount', () => {
  for (const path of ['problems/', '/problems', '/a b/', '/<x>/', '//']) {
    it(`refuses the path ${path}`, async () => {
      const { problemPages } = await import('good-gateway')
      assert.throws(() => problemPages({ path }), { name: 'TypeError', message: /"path" must be/ })
    })
  }
})

describe('the catalogue', () => {
  it('has the texts of docs/problems.md on its pages; if not, run `npm run write-advice`', () => {
    assert.deepEqual(
      Object.entries(advice).map(([code, texts]) => [code, [...texts]]),
      adviceInDocs(),
    )
  })

  it('has the codes and causes of the table in the JSON Schema, in its order', () => {
    const { properties } = createRequire(import.meta.url)('good-gateway/problem.schema.json') as {
      properties: Record<'code' | 'cause', { enum: string[] }>
    }
    assert.deepEqual(properties.code.enum, Object.keys(codes))
    const causes = new Set(Object.values(codes).map(({ cause }) => cause))
    assert.deepEqual(new Set(properties.cause.enum), causes)
  })
})
