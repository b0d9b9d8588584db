import assert from 'node:assert/strict'
import type { ExtraFault, FaultName } from '../../../docs/sample-proxy/fault-table.js'
import { type Faults, startFaults } from '../../../docs/sample-proxy/faults.js'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn, proxyStatusIn } from '../../support/problem.js'
import { dechunk, getLine, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Fault = FaultName | ExtraFault

/** Failures before the head: what the client gets instead of the proxy's bare 500. */
const answered: [Fault, status: number, code: string, proxyError: string, retryable: boolean][] = [
  ['refused', 502, 'upstream_refused', 'connection_refused', true],
  ['dns', 502, 'upstream_dns_failed', 'dns_error', true],
  ['reset', 502, 'upstream_connection_lost', 'connection_terminated', true],
  ['hang-up', 502, 'upstream_connection_lost', 'connection_terminated', true],
  ['hang', 504, 'upstream_timeout', 'http_response_timeout', true],
  ['not-http', 502, 'upstream_protocol_error', 'http_protocol_error', true],
  ['bad-status', 502, 'upstream_protocol_error', 'http_protocol_error', true],
  ['huge-headers', 502, 'upstream_headers_too_large', 'http_response_header_section_size', true],
  ['tls-self-signed', 502, 'upstream_tls_certificate', 'tls_certificate_error', true],
  ['head-then-fin', 502, 'upstream_response_incomplete', 'http_response_incomplete', true],
]

/** Errors of the upstream's own, which are none of our business. */
const passed: [Fault, status: number, body: RegExp][] = [
  ['html', 500, /<html>/],
  ['500', 500, /"error":"stock_failed"/],
  ['503-retry-after', 503, /"error":"maintenance"/],
  ['429', 429, /"error":"too_many_requests"/],
  ['404', 404, /"error":"no_such_order"/],
  ['502-no-date', 502, /"error":"stale"/],
]

for (const host of hosts) {
  describe(`${host.name}, http-proxy and a broken upstream`, () => {
    let faults: Faults
    let gateway: Listening

    before(async () => {
      faults = await startFaults()
      const forward = createForward()
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => [
          problemDetails(),
          circuitBreaker({
            name: `faults on ${host.name}`,
            timeout: 400,
            idleTimeout: 200,
            volumeThreshold: 1e6,
          }),
        ],
        handler: (req, res) => forward(req, res, faults.target((req.url ?? '').slice(1) as Fault)),
      })
    })

    after(async () => {
      await gateway.close()
      await faults.close()
    })

    for (const [fault, status, code, proxyError, retryable] of answered) {
      it(`answers ${fault} with ${status} ${code}`, async () => {
        const received = await sendRaw(gateway.port, getLine(`/${fault}`))
        const problem = problemIn(received)
        assert.equal(received.status, status)
        assert.equal(problem.code, code)
        assert.equal(problem.retryable, retryable)
        const answeredWith = fault === 'head-then-fin' ? 200 : undefined
        assert.deepEqual(problem.upstream, {
          name: `faults on ${host.name}`,
          ...(answeredWith && { status: answeredWith }),
        })
        assert.deepEqual(proxyStatusIn(received.head), [
          {
            name: 'gateway',
            parameters: {
              error: proxyError,
              ...(answeredWith && { 'received-status': answeredWith }),
            },
          },
        ])
        assert.doesNotMatch(received.text, /127\.0\.0\.1|nonexistent|ECONN|ENOTFOUND|HPE_/)
      })
    }

    for (const [fault, status, body] of passed) {
      it(`passes the upstream's own ${fault} byte for byte`, async () => {
        const direct = await sendRaw(Number(new URL(faults.target(fault)).port), getLine('/'))
        const received = await sendRaw(gateway.port, getLine(`/${fault}`))
        assert.equal(received.status, status)
        assert.match(received.body, body)
        assert.equal(received.body, direct.body)
        assert.equal(fieldOf(received.head, 'content-type'), fieldOf(direct.head, 'content-type'))
        assert.equal(fieldOf(received.head, 'retry-after'), fieldOf(direct.head, 'retry-after'))
        assert.equal(fieldOf(received.head, 'proxy-status'), undefined)
        assert.equal(fieldOf(received.head, 'x-request-id'), undefined)
      })
    }

    for (const fault of ['truncated', 'rst'] as const) {
      it(`cuts ${fault} without an end and with nothing added`, async () => {
        const received = await sendRaw(gateway.port, getLine(`/${fault}`))
        assert.equal(received.status, 200)
        assert.equal(fieldOf(received.head, 'content-length'), '1000')
        assert.equal(received.body, '{"orders":[{"id":"1","customer":"Ada"},')
      })
    }

    it('cuts a chunked response without the last chunk', async () => {
      const received = await sendRaw(gateway.port, getLine('/truncated-chunked'))
      assert.equal(received.status, 200)
      assert.deepEqual(dechunk(received.body), {
        text: '{"orders":[{"id":"1","customer":"Ada"},',
        whole: false,
      })
    })

    it('resets a response that ends with the connection', async () => {
      const request = getLine('/truncated-chunked').replace('HTTP/1.1', 'HTTP/1.0')
      const received = await sendRaw(gateway.port, request)
      assert.equal(received.status, 200)
      assert.equal(received.reset, true)
    })

    it('does not take a reset for the end of a body that has no length', async () => {
      const received = await sendRaw(gateway.port, getLine('/rst-close-delimited'))
      assert.equal(received.status, 200)
      assert.equal(dechunk(received.body).whole, false)
    })

    it('ends a broken event stream with one error event, then cuts it', async () => {
      const received = await sendRaw(gateway.port, getLine('/truncated-sse'))
      const { text, whole } = dechunk(received.body)
      assert.equal(whole, false)
      const frames = text.split('event: error\n')
      assert.equal(frames.length, 2)
      const data = /^data: (.*)\n\n$/.exec(frames[1] ?? '')?.[1] ?? ''
      assert.equal((JSON.parse(data) as { code: string }).code, 'upstream_response_incomplete')
      assert.match(frames[0] ?? '', /"content":" upon".*\n\n\n\n$/s)
    })

    it('cuts an event stream that stops, and aborts the upstream call', async () => {
      const aborted = faults.seen('sse-idle').aborted
      const received = await sendRaw(gateway.port, getLine('/sse-idle'))
      const { text, whole } = dechunk(received.body)
      assert.equal(whole, false)
      assert.match(text, /event: error\ndata: .*"code":"upstream_idle_timeout"/)
      await until(() => faults.seen('sse-idle').aborted === aborted + 1)
    })

    it('survives bytes after a whole response', async () => {
      for (let round = 0; round < 20; round++) {
        const received = await sendRaw(gateway.port, getLine('/surplus'))
        if (received.status === 200) assert.equal(received.body, '{"status":"ok"}')
        else assert.equal(problemIn(received).code, 'upstream_protocol_error')
      }
      const next = await sendRaw(gateway.port, getLine('/404'))
      assert.equal(next.status, 404)
    })

    it('answers a HEAD request with the head of the standard body alone', async () => {
      const received = await sendRaw(gateway.port, getLine('/refused').replace('GET', 'HEAD'))
      assert.equal(received.status, 502)
      assert.equal(fieldOf(received.head, 'content-type'), 'application/problem+json')
      assert.equal(received.body, '')
    })

    it('says that a POST that may have been applied is not retryable, unless it has an Idempotency-Key', async () => {
      const post = (...fields: string[]) =>
        getLine('/hang-up', 'Content-Length: 2', ...fields).replace('GET', 'POST') + '{}'
      const plain = await sendRaw(gateway.port, post())
      const keyed = await sendRaw(gateway.port, post('Idempotency-Key: 1'))
      assert.equal(problemIn(plain).retryable, false)
      assert.equal(problemIn(keyed).retryable, true)
    })
  })
}
