import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { Agent, request } from 'undici'
import { selfSigned } from '../../docs/sample-proxy/certificate.js'
import type { Code } from '../../src/errors/codes.js'
import { classify } from '../../src/failures/classify.js'
import { type Expected, expectClassification } from './expect-classification.js'

interface Running {
  readonly server: Server
  readonly sockets: Set<Socket>
}

async function stop({ server, sockets }: { server: Server; sockets: Set<Socket> }): Promise<void> {
  for (const socket of sockets) socket.destroy()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** The first error of a call with `node:http` or `node:https`. */
function nodeError(url: string, options: https.RequestOptions = {}): Promise<unknown> {
  const client = url.startsWith('https') ? https : http
  return new Promise((resolve, reject) => {
    const call = client.get(url, { agent: false, ...options })
    call.on('error', resolve)
    call.on('response', (res) => {
      res.on('error', resolve).on('end', () => reject(new Error('It answered.')))
      res.resume()
    })
  })
}

const fetchError = (url: string, options?: RequestInit): Promise<unknown> =>
  fetch(url, options)
    .then((response) => response.text())
    .catch((reason: unknown) => reason)

const soon = (): AbortSignal => AbortSignal.timeout(20)

async function undiciError(url: string, options: Agent.Options): Promise<unknown> {
  const dispatcher = new Agent(options)
  const error = await request(url, { dispatcher })
    .then((response) => text(response.body))
    .catch((reason: unknown) => reason)
  await dispatcher.destroy()
  return error
}

async function bothFail(url: string, code: Code, expected?: Expected): Promise<void> {
  expectClassification(await nodeError(url), code, expected)
  expectClassification(await fetchError(url), code, expected)
}

describe('classify, with real faults', () => {
  const open: Running[] = []

  async function listen<S extends Server>(server: S): Promise<S> {
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
    })
    open.push({ server, sockets })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }

  afterEach(async () => {
    await Promise.all(open.splice(0).map(stop))
  })

  /** An upstream that does this when the request has come. */
  async function faulty(act: (socket: Socket) => void): Promise<string> {
    const server = await listen(
      net.createServer((socket) => socket.once('data', () => act(socket))),
    )
    return `http://127.0.0.1:${portOf(server)}/`
  }

  async function secure(options: https.ServerOptions): Promise<string> {
    const server = await listen(https.createServer(options, (_req, res) => res.end('{}')))
    return `https://127.0.0.1:${portOf(server)}/`
  }

  it('knows a port that nobody listens on', async () => {
    const server = await listen(net.createServer())
    const port = portOf(server)
    await new Promise((resolve) => server.close(resolve))
    const expected = '502 connection_refused safe yes'
    await bothFail(`http://127.0.0.1:${port}/`, 'upstream_refused', expected)
    await bothFail(`http://localhost:${port}/`, 'upstream_refused', expected)
  })

  it('knows a name that does not exist', async () => {
    const url = 'http://nonexistent.invalid/'
    await bothFail(url, 'upstream_dns_failed', '502 dns_error safe yes')
  })

  it('knows an upstream that closes or resets the connection before it answers', async () => {
    const expected = '502 connection_terminated idem yes'
    const closing = await faulty((socket) => socket.end())
    await bothFail(closing, 'upstream_connection_lost', expected)
    const resetting = await faulty((socket) => socket.resetAndDestroy())
    await bothFail(resetting, 'upstream_connection_lost', expected)
  })

  it('knows an upstream that closes or resets the connection in mid-body', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'
    const closing = await faulty((socket) => socket.end(head))
    await bothFail(closing, 'upstream_response_incomplete')
    const resetting = await faulty((socket) => {
      socket.write(head, () => setImmediate(() => socket.resetAndDestroy()))
    })
    for (const error of [await nodeError(resetting), await fetchError(resetting)]) {
      const { code } = classify(error) ?? {}
      // Whether the head or the reset comes first is up to the system.
      assert.match(String(code), /^upstream_(?:response_incomplete|connection_lost)$/)
    }
  })

  const malformed: Record<string, [bytes: string, code: Code, token: string]> = {
    'another protocol': [
      'SSH-2.0-OpenSSH_9.6\r\n',
      'upstream_protocol_error',
      'http_protocol_error',
    ],
    'a bad Content-Length': [
      'HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na',
      'upstream_protocol_error',
      'http_protocol_error',
    ],
    'a bad chunk': [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'upstream_protocol_error',
      'http_response_transfer_coding',
    ],
    'too many headers': [
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      'upstream_headers_too_large',
      'http_response_header_section_size',
    ],
  }
  for (const [name, [bytes, code, token]] of Object.entries(malformed)) {
    it(`knows ${name}`, async () => {
      const coding = token === 'http_response_transfer_coding' ? ' coding=chunked' : ''
      const url = await faulty((socket) => socket.end(bytes))
      await bothFail(url, code, `502 ${token} idem yes${coding}` as Expected)
    })
  }

  const certificates = {
    'that nobody vouches for': { certificate: selfSigned(), trusted: false },
    'that has expired': {
      certificate: selfSigned({
        notBefore: new Date(Date.now() - 2e9),
        notAfter: new Date(Date.now() - 1e9),
      }),
      trusted: true,
    },
    'for another host': { certificate: selfSigned({ altNames: ['other.test'] }), trusted: true },
  }
  for (const [name, { certificate, trusted }] of Object.entries(certificates)) {
    it(`knows a certificate ${name}`, async () => {
      const url = await secure(certificate)
      const ca = trusted ? { ca: certificate.cert } : {}
      const expected = '502 tls_certificate_error idem yes'
      expectClassification(await nodeError(url, ca), 'upstream_tls_certificate', expected)
      expectClassification(
        await undiciError(url, { connect: ca }),
        'upstream_tls_certificate',
        expected,
      )
    })
  }

  it('knows an upstream that answers in plain HTTP where TLS was wanted', async () => {
    const server = await listen(http.createServer())
    const url = `https://127.0.0.1:${portOf(server)}/`
    await bothFail(url, 'upstream_tls_failed')
  })

  it('knows an upstream that wants TLS where plain HTTP was sent', async () => {
    const url = (await secure(selfSigned())).replace('https', 'http')
    const expected = '502 connection_terminated idem yes'
    await bothFail(url, 'upstream_connection_lost', expected)
  })

  it('knows an upstream that closes the connection in the handshake', async () => {
    const url = (await faulty((socket) => socket.end())).replace('http', 'https')
    await bothFail(url, 'upstream_tls_failed', '502 tls_protocol_error safe yes')
  })

  it('reads the number of a TLS alert from either client', async () => {
    const url = await secure({ ...selfSigned(), minVersion: 'TLSv1.3' })
    const old = { maxVersion: 'TLSv1.2' } as const
    const expected = '502 tls_alert_received idem yes alert-id=70'
    expectClassification(await nodeError(url, old), 'upstream_tls_failed', expected)
    expectClassification(await undiciError(url, { connect: old }), 'upstream_tls_failed', expected)
  })

  it('knows a timeout of the caller', async () => {
    const url = await faulty(() => {})
    const expected = '504 http_response_timeout idem yes'
    expectClassification(await nodeError(url, { signal: soon() }), 'upstream_timeout', expected)
    expectClassification(await fetchError(url, { signal: soon() }), 'upstream_timeout', expected)
  })

  it('knows the timeouts of undici', async () => {
    const silent = await faulty(() => {})
    const stalled = await faulty((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')
    })
    const handshake = silent.replace('http', 'https')
    const [head, body, connection] = await Promise.all([
      undiciError(silent, { headersTimeout: 20 }),
      undiciError(stalled, { bodyTimeout: 20 }),
      undiciError(handshake, { connect: { timeout: 20 } }),
    ])
    expectClassification(head, 'upstream_timeout')
    expectClassification(body, 'upstream_idle_timeout')
    expectClassification(connection, 'upstream_connect_timeout')
  })

  it('knows what HTTP/2 servers say of a stream', async () => {
    const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } =
      http2.constants
    const meanings = new Map<number, Code>([
      [NGHTTP2_REFUSED_STREAM, 'upstream_overloaded'],
      [NGHTTP2_ENHANCE_YOUR_CALM, 'upstream_rate_limited'],
      [NGHTTP2_INTERNAL_ERROR, 'upstream_protocol_error'],
    ])
    for (const [number, code] of meanings) {
      const server = await listen(http2.createServer())
      server.on('stream', (stream) => stream.on('error', () => {}).close(number))
      const session = http2.connect(`http://127.0.0.1:${portOf(server)}`)
      const [error] = await once(session.request(), 'error').catch((reason: unknown) => [reason])
      session.destroy()
      expectClassification(error, code)
    }
  })

  it('knows a pending HTTP/2 stream by what ended its session', async () => {
    const server = await listen(net.createServer())
    const port = portOf(server)
    await new Promise((resolve) => server.close(resolve))
    const session = http2.connect(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    const [error] = await once(session.request(), 'error').catch((reason: unknown) => [reason])
    expectClassification(error, 'upstream_refused')
  })
})
