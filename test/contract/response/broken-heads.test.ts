import assert from 'node:assert/strict'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { breakers, type ErrorInfo } from 'good-gateway'
import { startFaults } from '../../../docs/sample-proxy/faults.js'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { throwing } from '../../support/hosts.js'
import { problemIn, proxyStatusIn } from '../../support/problem.js'
import { askGateway } from '../../support/gateway.js'
import { getLine, type Received } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse, url: string) => unknown

/** An upstream that sends these bytes to whoever has sent it some, and then what it does. */
function speaking(bytes: string | Buffer, then: 'end' | 'stay' = 'end'): Promise<Listening> {
  return listen(
    createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write(bytes)
        if (then === 'end') socket.end()
      })
    }),
  )
}

const byHttp: Handler = (req, res, url) => {
  const call = request(url, { method: req.method ?? 'GET' }, (answer) => {
    answer.pipe(res.writeHead(answer.statusCode ?? 502, answer.headers))
  })
  req.pipe(call.on('error', () => res.headersSent || res.writeHead(500).end()))
}

const byFetch: Handler = async (_req, res, url) => {
  const answer = await fetch(url)
  const body = Readable.fromWeb(answer.body as ReadableStream)
  res.writeHead(answer.status)
  pipeline(body, res, () => {})
}

for (const host of throwing) {
  describe(`${host.name}, heads and bodies that are not valid`, () => {
    const name = `broken heads on ${host.name}`
    const forward = createForward()
    let told: ErrorInfo[] = []

    async function ask(
      handler: Handler,
      upstream: Pick<Listening, 'url'>,
      line = getLine('/'),
    ): Promise<Received> {
      told = []
      return askGateway(
        host,
        {
          use: ({ problemDetails, circuitBreaker }) => [
            problemDetails({ onError: (_error, info) => void told.push(info) }),
            circuitBreaker({ name, volumeThreshold: 1 }),
          ],
          handler: (req, res) => handler(req, res, upstream.url),
        },
        line,
      )
    }

    afterEach(() => breakers.get(name)?.release())

    for (const [by, handler] of Object.entries({
      http: byHttp,
      'http-proxy': forward as Handler,
    })) {
      it(`answers a 101 that nobody asked for, through ${by}`, async () => {
        const upstream = await speaking(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
          'stay',
        )
        const received = await ask(handler, upstream)
        await upstream.close()
        assert.equal(problemIn(received).code, 'upstream_upgrade_failed')
      })
    }

    for (const [by, handler] of Object.entries({
      http: byHttp,
      'http-proxy': forward as Handler,
      fetch: byFetch,
    })) {
      for (const coding of ['gzip, chunked', 'identity', 'chunked, chunked']) {
        it(`answers the transfer coding ${coding} of an upstream, through ${by}`, async () => {
          const upstream = await speaking(
            `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
          )
          const received = await ask(handler, upstream)
          await upstream.close()
          const { code, status } = problemIn(received)
          assert.deepEqual([status, code], [502, 'upstream_protocol_error'])
          assert.equal(
            proxyStatusIn(received.head)[0]?.parameters['error'],
            'http_response_transfer_coding',
          )
        })
      }
    }

    it('does not confuse a body that could not be decompressed with a client that has left', async () => {
      const upstream = await listen(
        createServer((_req, res) => {
          res.writeHead(200, { 'Content-Encoding': 'gzip' }).end('this is no gzip')
        }),
      )
      const received = await ask(byFetch, upstream)
      await until(() => told.length > 0)
      await upstream.close()
      assert.ok(!received.text.endsWith('0\r\n\r\n'), 'a clean end')
      assert.deepEqual(
        told.map(({ code }) => code),
        ['upstream_encoding_invalid'],
      )
      assert.equal(breakers.get(name)?.state, 'open')
    })

    it('knows the error of a checkServerIdentity of the application as a certificate error', async () => {
      const faults = await startFaults()
      const agent = new HttpsAgent({
        checkServerIdentity: () => new Error('not the one that we know'),
      })
      const received = await ask((_req, res) => {
        httpsRequest(faults.target('tls-self-signed'), { agent, rejectUnauthorized: true })
          .on('error', () => res.writeHead(500).end())
          .end()
      }, upstreamless)
      await faults.close()
      assert.equal(problemIn(received).code, 'upstream_tls_certificate')
    })

    it('reports a call that the proxy aborts as a timeout, also where the proxy answers in the same turn', async () => {
      const silent = createServer(() => {})
      const upstream = await listen(silent)
      const received = await ask((_req, res, url) => {
        const call = request(url).on('error', () => {})
        call.end()
        silent.once('request', () => {
          call.destroy()
          res.writeHead(500).end()
        })
      }, upstream)
      await upstream.close()
      assert.equal(problemIn(received).code, 'upstream_timeout')
    })

    it('reports a reset as a reset, also where the library sees it first and has a timeout', async () => {
      const upstream = await listen(
        createTcpServer((socket) => {
          socket.on('error', () => {}).once('data', () => socket.resetAndDestroy())
        }),
      )
      const received = await ask((_req, res, url) => {
        const call = request(url, { timeout: 5000 })
        // As axios does on a connection of a pool.
        call.once('socket', (socket) =>
          socket.prependListener('error', (error) => call.destroy(error)),
        )
        call.on('error', () => res.writeHead(500).end()).end()
      }, upstream)
      await upstream.close()
      assert.equal(problemIn(received).code, 'upstream_connection_lost')
    })

    it('also cuts a pipe that does not pass on the status', async () => {
      const upstream = await speaking(
        'HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\npart',
      )
      const received = await ask((_req, res, url) => {
        request(url, (answer) => void answer.on('error', () => {}).pipe(res)).end()
      }, upstream)
      await upstream.close()
      assert.equal(received.status, 200)
      assert.ok(!received.text.endsWith('0\r\n\r\n'), 'a clean end')
      assert.deepEqual(
        told.map(({ code }) => code),
        ['upstream_response_incomplete'],
      )
    })

    it('says that a request that was lost before the connection was established is retryable', async () => {
      const upstream = await listen(
        createTcpServer((socket) => {
          socket.on('error', () => {}).once('data', () => socket.resetAndDestroy())
        }),
      )
      const received = await ask(
        (_req, res) => {
          httpsRequest(upstream.url.replace('http:', 'https:'), { method: 'POST' })
            .on('error', () => res.writeHead(500).end())
            .end('x')
        },
        upstreamless,
        getLine('/').replace('GET', 'POST'),
      )
      await upstream.close()
      assert.equal(problemIn(received).retryable, true)
    })

    it('asks to wait a second where the open circuit is one of another library', async () => {
      for (const code of ['EOPENBREAKER', 'ESEMLOCKED']) {
        const received = await ask(() => {
          throw Object.assign(new Error('Breaker is open'), { code })
        }, upstreamless)
        assert.equal(problemIn(received).retry_after, 1)
      }
    })

    it('shows no value of the query to the log hook', async () => {
      const { error } = console
      console.error = () => {}
      await ask(
        (req) => {
          const given = new URL(req.url ?? '', 'http://x').searchParams.get('token')
          throw new Error(`bad token ${given}, sent as ${encodeURIComponent(req.url ?? '')}`)
        },
        upstreamless,
        getLine('/x?token=QSECRET%202', 'X-Auth-Token: HSECRET1'),
      )
      console.error = error
      assert.equal(told.length, 1)
      assert.doesNotMatch(JSON.stringify(told), /SECRET/)
    })
  })
}

const upstreamless = { url: '' }
