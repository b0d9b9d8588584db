import assert from 'node:assert/strict'
import { readSettings, SettingsError } from '../../docs/sample-proxy/settings.js'

describe('the settings of the sample proxy', () => {
  it('are port 3000 and the embedded upstreams when the environment says nothing', () => {
    assert.deepEqual(readSettings({}), { port: 3000, engine: 'http-proxy' })
  })

  it('treat an empty variable as an unset one', () => {
    assert.deepEqual(readSettings({ PORT: '', UPSTREAM_URL: '' }), {
      port: 3000,
      engine: 'http-proxy',
    })
  })

  it('accept ports from 0 to 65535', () => {
    const ports = ['0', '1', '8080', '65535'].map((PORT) => readSettings({ PORT }).port)
    assert.deepEqual(ports, [0, 1, 8080, 65_535])
  })

  for (const PORT of [
    '65536',
    '99999',
    '-1',
    '3000.5',
    '0x1F',
    '1e3',
    ' 3000',
    'http',
    '1234567890',
  ]) {
    it(`refuse PORT=${PORT}, naming the variable, the value and the fix`, () => {
      assertRefused({ PORT }, `PORT=${JSON.stringify(PORT)}`, /whole number from 0 .* to 65535/)
    })
  }

  it('accept an absolute http or https URL as the upstream', () => {
    const urls = ['http://127.0.0.1:8080', 'https://api.example.com/v2', 'HTTP://[::1]:80'].map(
      (UPSTREAM_URL) => readSettings({ UPSTREAM_URL }).upstreamUrl,
    )
    assert.deepEqual(urls, [
      'http://127.0.0.1:8080/',
      'https://api.example.com/v2',
      'http://[::1]/',
    ])
  })

  it('refuse the address of the proxy itself as the upstream', () => {
    for (const UPSTREAM_URL of ['http://127.0.0.1:4100', 'http://localhost:4100/x']) {
      assertRefused(
        { PORT: '4100', UPSTREAM_URL },
        `UPSTREAM_URL=${JSON.stringify(UPSTREAM_URL)}`,
        /the address of the proxy itself/,
      )
    }
  })

  for (const UPSTREAM_URL of [
    'localhost:8080',
    '/orders',
    'ftp://example.com',
    'http:example.com',
    'http://',
    'http://example.com:99999',
    'http://exa mple.com',
  ]) {
    it(`refuse UPSTREAM_URL=${UPSTREAM_URL}, asking for an absolute URL`, () => {
      assertRefused(
        { UPSTREAM_URL },
        `UPSTREAM_URL=${JSON.stringify(UPSTREAM_URL)}`,
        /an absolute http or https URL, such as http:/,
      )
    })
  }

  for (const UPSTREAM_URL of [
    'http://example.com/?a=1',
    'http://example.com?',
    'http://a.example/#b',
  ]) {
    it(`refuse UPSTREAM_URL=${UPSTREAM_URL}, asking to leave out query and fragment`, () => {
      assertRefused({ UPSTREAM_URL }, 'UPSTREAM_URL=', /leave out the query and the fragment/)
    })
  }

  it('refuse credentials in the URL without printing them', () => {
    const UPSTREAM_URL = 'https://ada:love@lace@example.com/v1'
    const message = assertRefused({ UPSTREAM_URL }, 'UPSTREAM_URL=', /leave out the user name/)
    assert.match(message, /"https:\/\/\*\*\*@example\.com\/v1"/)
    assert.doesNotMatch(message, /ada|love|lace/)
  })

  it('show a long value or one with line breaks on one short line', () => {
    const message = assertRefused({ PORT: `1\n${'9'.repeat(5000)}` }, 'PORT="1\\n', /…/)
    assert.ok(message.length < 200, `${message.length} characters`)
  })
})

describe('the engine', () => {
  it('is http-proxy, or that of the package', () => {
    assert.equal(readSettings({ ENGINE: '' }).engine, 'http-proxy')
    assert.equal(readSettings({ ENGINE: 'forward' }).engine, 'forward')
    assertRefused({ ENGINE: 'nginx' }, 'ENGINE="nginx"', /http-proxy or forward/)
  })
})

/** Asserts that the environment is refused in one line, and returns that line. */
function assertRefused(env: NodeJS.ProcessEnv, start: string, fix: RegExp): string {
  let message = ''
  assert.throws(
    () => readSettings(env),
    (error) => {
      assert.ok(error instanceof SettingsError)
      message = error.message
      return true
    },
  )
  assert.ok(message.startsWith(start), message)
  assert.match(message, fix)
  assert.doesNotMatch(message, /[\r\n]/)
  return message
}
