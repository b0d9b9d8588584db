import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { candidatesOf, proxyIn } from '../../src/diagnose/system.js'
import { type Listening, listen } from '../support/servers.js'
import { diagnosed, found } from './command.js'
import { type DnsServer, dnsServer, NXDOMAIN, REFUSED, SERVFAIL } from './dns-server.js'

describe('diagnose: the name', function () {
  this.timeout(20_000)
  let server: Listening
  let dns: DnsServer

  before(async () => {
    server = await listen(createServer((_req, res) => void res.end('ok')))
    dns = await dnsServer({
      'good.test': { A: ['127.0.0.1'] },
      'broken.test': { A: SERVFAIL, AAAA: SERVFAIL },
      'refused.test': { A: REFUSED, AAAA: REFUSED },
      'empty.test': { A: [], AAAA: [] },
      'silent.test': { A: 'silent', AAAA: 'silent' },
      'half.test': { A: ['127.0.0.1'], AAAA: SERVFAIL },
      'slow-v6.test': { A: ['127.0.0.1'], AAAA: 'silent' },
      'gone.test': { A: NXDOMAIN, AAAA: NXDOMAIN },
    })
  })
  after(async () => {
    await dns.close()
    await server.close()
  })

  const ask = (name: string) =>
    diagnosed(['--resolver', dns.address, `http://${name}:${server.port}/`])

  for (const [name, code, said] of [
    ['gone.test', 'upstream_dns_failed', /NXDOMAIN: the name does not exist/],
    ['broken.test', 'upstream_dns_failed', /SERVFAIL: the server could not find out/],
    ['refused.test', 'upstream_dns_failed', /REFUSED/],
    ['empty.test', 'upstream_dns_failed', /no record/],
    ['silent.test', 'upstream_dns_timeout', /no answer in time/],
  ] as const) {
    it(`tells ${name} apart: ${said.source}`, async () => {
      const report = await ask(name)
      assert.equal(report.code, code)
      assert.equal(report.exit, 1)
      assert.match(found(report, 'name'), said)
      assert.match(report.questions.up, /^No: /)
      assert.match(report.questions.ask, new RegExp(`the DNS of ${name}`))
    })
  }

  it('says when nothing answers DNS at the address of the resolver', async () => {
    const other = await dnsServer({})
    await other.close()
    const args = ['--resolver', other.address, 'http://good.test/']
    const report = await diagnosed(args)
    assert.match(report.code ?? '', /^upstream_dns_(?:failed|timeout)$/)
  })

  it('goes on with the addresses that it was given, and says how long that took', async () => {
    const report = await ask('good.test')
    assert.equal(report.exit, 0)
    assert.match(
      found(report, 'name'),
      /^note: good\.test has 1 address \(\d+ ms\): 127\.0\.0\.1$/m,
    )
    assert.match(
      found(report, 'name'),
      /^note: the DNS server \S+: A 127\.0\.0\.1, AAAA no record \(\d+ ms\)$/m,
    )
  })

  for (const name of ['half.test', 'slow-v6.test']) {
    it(`warns of ${name}: A is well, and AAAA is not`, async () => {
      const report = await ask(name)
      assert.equal(report.exit, 0)
      assert.match(
        found(report, 'name'),
        /warning: the DNS server 127\.0\.0\.1:\d+: A 127\.0\.0\.1, AAAA (?:SERVFAIL|no answer).*fail/,
      )
    })
  }

  it('warns of servers that do not say the same', async () => {
    const other = await dnsServer({})
    const resolvers = ['--resolver', dns.address, '--resolver', other.address]
    const report = await diagnosed([...resolvers, `http://good.test:${server.port}/`])
    await other.close()
    assert.equal(report.exit, 0)
    assert.match(found(report, 'name'), /warning: .*NXDOMAIN.* not what is said elsewhere/)
  })

  it('asks the system, its hosts file included, when no resolver is named', async () => {
    const report = await diagnosed([`http://localhost:${server.port}/`])
    assert.equal(report.exit, 0)
    assert.match(found(report, 'name'), /note: localhost has \d address/)
    assert.match(
      found(report, 'name'),
      /the hosts file of this machine has localhost: .*127\.0\.0\.1/,
    )
  })

  it('tells of a proxy in the environment, without its password, and of NO_PROXY', async () => {
    const env = { HTTP_PROXY: 'http://ada:opensesame@proxy.test:3128/' }
    const report = await diagnosed([server.url], env)
    assert.match(
      found(report, 'name'),
      /warning: HTTP_PROXY names the proxy proxy\.test:3128: curl/,
    )
    assert.doesNotMatch(JSON.stringify(report), /opensesame|ada/)
    const excepted = await diagnosed([server.url], { ...env, NO_PROXY: 'example.com, 127.0.0.1' })
    assert.match(found(excepted, 'name'), /note: HTTP_PROXY names a proxy, and NO_PROXY excepts/)
  })

  it('takes the variable of the scheme before ALL_PROXY, and NO_PROXY by its parts', () => {
    const url = new URL('https://api.example.com:8443/')
    const env = { https_proxy: 'one:1', ALL_PROXY: 'two:2' }
    assert.deepEqual(proxyIn(env, url), {
      variable: 'https_proxy',
      proxy: 'one:1',
      excepted: false,
    })
    assert.equal(proxyIn({ HTTP_PROXY: 'x:1' }, url), undefined)
    for (const [list, excepted] of [
      ['.example.com', true],
      ['example.com', true],
      ['ample.com', false],
      ['api.example.com:8443', true],
      ['api.example.com:443', false],
      ['*', true],
    ] as const)
      assert.equal(proxyIn({ ...env, NO_PROXY: list }, url)?.excepted, excepted, list)
  })

  it('tries search domains in the order of the system', () => {
    const names = { hosts: [], search: ['svc.local', 'local'], ndots: 2 }
    assert.deepEqual(candidatesOf('api', names), ['api.svc.local', 'api.local', 'api'])
    assert.deepEqual(candidatesOf('a.b.c', names), ['a.b.c', 'a.b.c.svc.local', 'a.b.c.local'])
    assert.deepEqual(candidatesOf('api.', names), ['api.'])
  })
})
