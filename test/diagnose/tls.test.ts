import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertificateOptions, selfSigned } from '../../docs/sample-proxy/certificate.js'
import { type Listening, listen } from '../support/servers.js'
import { diagnosed, found, type Report } from './command.js'
import { type DnsServer, dnsServer } from './dns-server.js'

const DAY = 86_400_000
/** With an hour to spare, for what a test takes. */
const inDays = (days: number): Date => new Date(Date.now() + days * DAY + 3_600_000)

describe('diagnose: TLS', function () {
  this.timeout(20_000)
  let folder: string
  let dns: DnsServer

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'good-gateway-diagnose-'))
    dns = await dnsServer({ 'shop.test': { A: ['127.0.0.1'] } })
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await dns.close()
  })

  /** Asks a server whose certificate is trusted, as far as that goes. */
  async function ask(
    certificate: CertificateOptions,
    options: ServerOptions = {},
    host = '127.0.0.1',
  ): Promise<Report & { exit: number }> {
    const { key, cert } = selfSigned(certificate)
    const file = join(folder, 'trusted.pem')
    writeFileSync(file, cert)
    const server = await listen(
      createTlsServer({ key, cert, ...options }, (_req, res) => void res.end('ok')),
    )
    try {
      const url = `https://${host}:${server.port}/`
      return await diagnosed(['--resolver', dns.address, url], { NODE_EXTRA_CA_CERTS: file })
    } finally {
      await server.close()
    }
  }

  it('describes a good connection: version, ALPN, SNI, names, chain, and the days that are left', async () => {
    const altNames = ['shop.test', '127.0.0.1']
    const report = await ask({ notAfter: inDays(40), altNames }, {}, 'shop.test')
    assert.equal(report.exit, 0, JSON.stringify(report, null, 1))
    const lines = found(report, 'tls')
    assert.match(lines, /note: TLSv1\.3, ALPN http\/1\.1, SNI shop\.test/)
    assert.match(lines, /note: certificate for shop\.test, 127\.0\.0\.1: localhost/)
    assert.match(lines, /note: the certificate ends in 40 days/)
  })

  it('warns of a certificate that ends soon', async () => {
    const report = await ask({ notAfter: inDays(3) })
    assert.equal(report.exit, 0)
    assert.match(found(report, 'tls'), /warning: the certificate ends in 3 days/)
  })

  for (const [fault, certificate, said] of [
    [
      'has ended',
      { notBefore: inDays(-9), notAfter: inDays(-5) },
      /ended 4 days ago \(CERT_HAS_EXPIRED\)/,
    ],
    [
      'has not begun',
      { notBefore: inDays(2), notAfter: inDays(9) },
      /begins in 2 days \(CERT_NOT_YET_VALID\)/,
    ],
    [
      'is for another name',
      { altNames: ['other.test'] },
      /for other\.test, not for 127\.0\.0\.1 \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    ],
  ] as const) {
    it(`finds a certificate that ${fault}, and sends nothing to its server`, async () => {
      const report = await ask(certificate)
      assert.equal(report.code, 'upstream_tls_certificate')
      assert.equal(report.cause, 'misconfiguration')
      assert.match(found(report, 'tls'), said)
      assert.match(found(report, 'http'), /nothing is sent to a server that has not proved/)
    })
  }

  it('finds a certificate that nobody has signed', async () => {
    const { key, cert } = selfSigned()
    const server = await listen(createTlsServer({ key, cert }))
    const report = await diagnosed([server.url.replace('http', 'https')])
    await server.close()
    assert.equal(report.code, 'upstream_tls_certificate')
    assert.match(found(report, 'tls'), /self-signed: no authority has signed it/)
  })

  it('finds a chain with a gap', async () => {
    const authority = selfSigned({ commonName: 'An authority' })
    const { key, cert } = selfSigned({ issuer: { commonName: 'An authority', ...authority } })
    const server = await listen(createTlsServer({ key, cert }))
    const report = await diagnosed([server.url.replace('http', 'https')])
    await server.close()
    assert.equal(report.code, 'upstream_tls_certificate')
    assert.match(found(report, 'tls'), /does not send the certificates between its own/)
    assert.match(report.next[0] ?? '', /^Send the whole chain/)
  })

  it('finds a server that knows old versions only', async () => {
    const report = await ask({}, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })
    assert.equal(report.code, 'upstream_tls_failed')
  })

  it('finds a server that wants a certificate of the client', async () => {
    const report = await ask({}, { requestCert: true, rejectUnauthorized: true })
    assert.equal(report.code, 'upstream_tls_failed')
    assert.match(found(report, 'http'), /the server wants a certificate of the client/)
  })

  it('finds plain HTTP on the port of a URL with https:', async () => {
    const server = await listen(createServer((_req, res) => void res.end('ok')))
    const report = await diagnosed([server.url.replace('http', 'https')])
    await server.close()
    assert.equal(report.code, 'upstream_tls_failed')
    assert.match(found(report, 'tls'), /the port speaks plain HTTP, not TLS/)
    assert.equal(report.next[0], `Call ${server.url} instead, or let the server speak TLS.`)
  })

  it('finds TLS on the port of a URL with http:', async () => {
    const { key, cert } = selfSigned()
    const server = await listen(createTlsServer({ key, cert }))
    const report = await diagnosed([server.url])
    await server.close()
    assert.equal(report.code, 'upstream_connection_lost')
    assert.match(found(report, 'http'), /speaks TLS, and the URL says http:/)
    assert.equal(report.next[0], `Call ${server.url.replace('http', 'https')} instead.`)
  })

  for (const [does, act, code] of [
    ['never answers the handshake', () => {}, 'upstream_connect_timeout'],
    ['closes during the handshake', 'end', 'upstream_tls_failed'],
  ] as const) {
    it(`finds a port that ${does}`, async () => {
      const server: Listening = await listen(
        createTcpServer((socket) => {
          socket.on('error', () => {})
          if (act === 'end') socket.once('data', () => socket.end())
        }),
      )
      const report = await diagnosed([server.url.replace('http', 'https')])
      await server.close()
      assert.equal(report.code, code)
    })
  }
})
