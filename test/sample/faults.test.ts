import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get, type IncomingMessage, request } from 'node:http'
import { get as getSecurely } from 'node:https'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { extraFaults, faultNames } from '../../docs/sample-proxy/fault-table.js'
import { type Faults, startFaults } from '../../docs/sample-proxy/faults.js'
import { listing } from '../../docs/sample-proxy/listing.js'

type Name = Parameters<Faults['target']>[0]

describe('the faulty upstreams', () => {
  let faults: Faults

  before(async () => {
    faults = await startFaults()
  })
  after(() => faults.close())

  /** What a fault puts on the wire, and how the connection ends. */
  const wire = (name: Name, lines = GET) => exchangeBytes(faults.target(name), lines)
  /** The code of the error with which a call of node:http fails before a response. */
  const failure = async (name: Name) => codeOf((await once(get(faults.target(name)), 'error'))[0])

  /** Leaves in the middle of a body, when what matters has come. */
  async function leaveAfter(name: Name, part: RegExp): Promise<void> {
    const seen = faults.seen(name)
    const response = await ask(faults.target(name))
    let received = ''
    for await (const chunk of response) {
      received += String(chunk)
      if (part.test(received)) break
    }
    assert.match(received, part)
    await seen.until('aborted', 1)
    assert.equal(seen.aborted, 1)
  }

  it('have a title and describe both outcomes', () => {
    assert.deepEqual(faults.names, faultNames)
    for (const name of faultNames) {
      const { title, expect, bare } = faults.about[name]
      assert.match(title, /^[A-Z].*\.$/s)
      assert.ok(expect.length > 0 && bare.length > 0)
    }
  })

  it('answer whatever path and method is asked', async () => {
    for (const path of ['/', '/faults/404', '//x', '/a?b=c']) {
      for (const method of ['GET', 'DELETE']) {
        const { received } = await wire('404', [`${method} ${path} HTTP/1.1`, ...CLOSE])
        assert.match(received, /^HTTP\/1\.1 404 Not Found\r\n/)
      }
    }
  })

  it('read the whole body of a request, so that an orderly close does not become a reset', async () => {
    for (const name of ['truncated', 'hang-up', 'not-http', '500'] as const) {
      const body = 'x'.repeat(300_000)
      const lines = ['POST / HTTP/1.1', `Content-Length: ${body.length}`, ...CLOSE]
      assert.equal((await wire(name, [...lines, body])).end, 'FIN', name)
    }
  })

  describe('before the response', () => {
    it('refused: nothing listens at the port', async () => {
      assert.equal(await failure('refused'), 'ECONNREFUSED')
    })

    it('dns: the name does not exist', async () => {
      assert.match(await failure('dns'), /^(ENOTFOUND|EAI_AGAIN)$/)
    })

    it('reset: an RST and not a byte', async () => {
      assert.deepEqual(await wire('reset'), { received: '', end: 'ECONNRESET' })
    })

    it('hang-up: an orderly close and not a byte', async () => {
      assert.deepEqual(await wire('hang-up'), { received: '', end: 'FIN' })
      assert.equal(await failure('hang-up'), 'ECONNRESET')
    })

    it('hang: the request is read and nothing comes, until the client leaves', async () => {
      const seen = faults.seen('hang')
      const call = post(faults.target('hang')).end('x'.repeat(300_000))
      const outcome = once(call, 'response').then(
        () => 'response',
        (error: unknown) => codeOf(error),
      )
      await seen.until('requests', 1)
      await text(await ask(`${faults.target('slow')}/?ms=100`))
      assert.equal(seen.aborted, 0)
      call.destroy()
      assert.equal(await outcome, 'ECONNRESET')
      await seen.until('aborted', 1)
      assert.deepEqual([seen.connections, seen.requests, seen.aborted], [1, 1, 1])
    })

    it('not-http: the banner of an SSH server', async () => {
      const { received, end } = await wire('not-http')
      assert.match(received, /^SSH-2\.0-\S+\r\n$/)
      assert.equal(end, 'FIN')
      assert.equal(await failure('not-http'), 'HPE_INVALID_CONSTANT')
    })

    it('huge-headers: 20 KB, more than node:http reads', async () => {
      const head = (await wire('huge-headers')).received.split('\r\n\r\n')[0] ?? ''
      assert.ok(head.length > 20_000, `${head.length} bytes`)
      assert.equal(await failure('huge-headers'), 'HPE_HEADER_OVERFLOW')
    })

    it('tls-self-signed: a certificate that does not verify, and a good answer behind it', async () => {
      const url = faults.target('tls-self-signed')
      assert.match(url, /^https:/)
      const [error] = await once(getSecurely(url), 'error')
      assert.equal(codeOf(error), 'DEPTH_ZERO_SELF_SIGNED_CERT')
      const [response] = await once(getSecurely(url, { rejectUnauthorized: false }), 'response')
      assert.equal(response.statusCode, 200)
      assert.deepEqual(JSON.parse(await text(response)), { status: 'ok' })
    })
  })

  describe('in the response', () => {
    it('bad-status: the impossible status 099', async () => {
      assert.match((await wire('bad-status')).received, /^HTTP\/1\.1 099 Nope\r\n/)
      assert.equal((await ask(faults.target('bad-status'))).statusCode, 99)
    })

    it('truncated: less than the Content-Length, then FIN', async () => {
      const { head, body, end } = split(await wire('truncated'))
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(head, /Content-Length: 1000/)
      assert.ok(body.length > 0 && body.length < 1000)
      assert.equal(end, 'FIN')
      assert.equal(await breakOf(await ask(faults.target('truncated'))), 'ECONNRESET')
    })

    it('head-then-fin: a Content-Length and no byte of it', async () => {
      const { head, body, end } = split(await wire('head-then-fin'))
      assert.match(head, /Content-Length: 1000/)
      assert.deepEqual([body, end], ['', 'FIN'])
    })

    it('truncated-chunked: chunks without the last one', async () => {
      const { head, body, end } = split(await wire('truncated-chunked'))
      assert.match(head, /Transfer-Encoding: chunked/)
      assert.match(body, /^[0-9a-f]+\r\n\{"orders".*,\r\n$/)
      assert.equal(end, 'FIN')
      assert.equal(await breakOf(await ask(faults.target('truncated-chunked'))), 'ECONNRESET')
    })

    it('truncated-sse: two events of a chat and no [DONE]', async () => {
      const { head, body, end } = split(await wire('truncated-sse'))
      assert.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n/)
      assert.equal(end, 'FIN')
      assert.doesNotMatch(body, /\[DONE\]|\r\n0\r\n/)
      const events = [...body.matchAll(/data: (.*)\n\n/g)].map(([, data]) => JSON.parse(data ?? ''))
      assert.deepEqual(
        events.map(({ object, choices }) => [object, choices[0].delta.content]),
        [
          ['chat.completion.chunk', 'Once'],
          ['chat.completion.chunk', ' upon'],
        ],
      )
      assert.equal(await breakOf(await ask(faults.target('truncated-sse'))), 'ECONNRESET')
    })

    it('sse-idle: the same two events, then silence until the client leaves', async () => {
      await leaveAfter('sse-idle', /Once.* upon/s)
    })

    it('stall-body: a part of the body, then silence until the client leaves', async () => {
      await leaveAfter('stall-body', /"Ada"/)
    })

    it('rst: head and a part of the body, then RST', async () => {
      const { head, body, end } = split(await wire('rst'))
      assert.match(head, /Content-Length: 1000/)
      assert.ok(body.length > 0 && body.length < 1000)
      assert.equal(end, 'ECONNRESET')
      assert.equal(await breakOf(await ask(faults.target('rst'))), 'ECONNRESET')
    })

    it('rst-close-delimited: a body that only a close would end, then RST', async () => {
      const { head, body, end } = split(await wire('rst-close-delimited'))
      assert.doesNotMatch(head, /Content-Length|Transfer-Encoding/i)
      assert.ok(body.length > 0)
      assert.equal(end, 'ECONNRESET')
    })

    it('surplus: a complete response with more bytes behind it', async () => {
      const { head, body } = split(await wire('surplus'))
      const length = Number(/Content-Length: (\d+)/.exec(head)?.[1])
      assert.deepEqual(JSON.parse(body.slice(0, length)), { status: 'ok' })
      assert.ok(body.length > length)
      const call = get(faults.target('surplus'))
      const broken = once(call, 'error')
      const [response] = await once(call, 'response')
      assert.equal(await text(response), body.slice(0, length))
      assert.match(codeOf((await broken)[0]), /^HPE_/)
    })

    it('502-no-date: an error without a Date', async () => {
      const { head, body } = split(await wire('502-no-date'))
      assert.match(head, /^HTTP\/1\.1 502 Bad Gateway\r\n/)
      assert.doesNotMatch(head, /^Date:/im)
      assert.deepEqual(JSON.parse(body), { error: 'stale' })
    })
  })

  describe('as an answer of the upstream', () => {
    for (const [name, status, retryAfter] of [
      ['500', 500, undefined],
      ['503-retry-after', 503, '7'],
      ['429', 429, '3'],
      ['404', 404, undefined],
    ] as const) {
      it(`${name}: ${status} with JSON of its own, over a connection that stays`, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        for (const path of ['/first', '/second']) {
          const response = await ask(faults.target(name) + path, agent)
          assert.equal(response.statusCode, status)
          assert.equal(response.headers['content-type'], 'application/json')
          assert.ok(response.headers.date !== undefined)
          assert.equal(response.headers['retry-after'], retryAfter)
          const { error, message } = JSON.parse(await text(response))
          assert.deepEqual([typeof error, typeof message], ['string', 'string'])
        }
        agent.destroy()
        assert.ok(faults.seen(name).connections < faults.seen(name).requests)
        assert.equal(faults.seen(name).aborted, 0)
      })
    }

    it('html: 500 with a page, like that of a load balancer', async () => {
      const response = await ask(faults.target('html'))
      assert.deepEqual([response.statusCode, response.headers['content-type']], [500, 'text/html'])
      assert.match(await text(response), /^<html>.*500 Internal Server Error/s)
    })

    it('slow: 200 after 1.5 s, or after the milliseconds that the query asks for', async function () {
      this.timeout(10_000)
      for (const [query, ms] of [
        ['?ms=0', 0],
        ['?ms=120', 120],
        ['?ms=-5', 0],
        ['', 1500],
        ['?ms=soon', 1500],
      ] as const) {
        const start = performance.now()
        const response = await ask(`${faults.target('slow')}/faults/slow${query}`)
        assert.equal(response.statusCode, 200)
        assert.deepEqual(JSON.parse(await text(response)), { status: 'ok', after_ms: ms })
        assert.ok(performance.now() - start >= ms - 5, query)
      }
    })

    it('slow: counts a client that did not wait', async () => {
      const seen = faults.seen('slow')
      const [requests, aborted] = [seen.requests, seen.aborted]
      const call = get(faults.target('slow')).once('error', () => undefined)
      await seen.until('requests', requests + 1)
      call.destroy()
      await seen.until('aborted', aborted + 1)
      assert.equal(seen.aborted, aborted + 1)
    })
  })

  it('do not count a client as gone that got the whole fault', async () => {
    for (const name of ['reset', 'truncated', 'rst', 'hang-up', 'html'] as const) {
      const { aborted, requests } = faults.seen(name)
      await wire(name)
      assert.deepEqual(
        [faults.seen(name).aborted, faults.seen(name).requests],
        [aborted, requests + 1],
      )
    }
  })

  it('close with clients that still wait, and leave no port open', async () => {
    const other = await startFaults()
    const call = get(other.target('hang'))
    const lost = once(call, 'error')
    await other.seen('hang').until('requests', 1)
    await other.close()
    assert.equal(codeOf((await lost)[0]), 'ECONNRESET')
    for (const name of [...faultNames, ...extraFaults].filter((each) => each !== 'dns')) {
      const [error] = await once(get(other.target(name).replace('https', 'http')), 'error')
      assert.equal(codeOf(error), 'ECONNREFUSED', name)
    }
  })
})

describe('the listing of the sample proxy', () => {
  const lines = listing('http://127.0.0.1:65535').split('\n')

  it('has a guarded and a bare command for every fault', () => {
    for (const name of faultNames) {
      assert.ok(
        lines.some((line) => line.endsWith(`http://127.0.0.1:65535/faults/${name}`)),
        name,
      )
      assert.ok(
        lines.some((line) => line.endsWith(`:65535/bare/faults/${name}`)),
        name,
      )
    }
  })

  it('fits 100 columns', () => {
    assert.deepEqual(
      lines.filter((line) => line.length > 100),
      [],
    )
  })
})

const CLOSE = ['Host: x', 'Connection: close', '']
const GET = ['GET / HTTP/1.1', ...CLOSE]

interface Wire {
  readonly received: string
  /** `FIN`, or the code of the error. */
  readonly end: string
}

/** Sends a request over a plain socket and keeps all that comes back. */
async function exchangeBytes(target: string, lines: readonly string[]): Promise<Wire> {
  const { hostname, port } = new URL(target)
  const socket = connect(Number(port), hostname)
  let received = ''
  let end = 'nothing'
  socket.setEncoding('latin1').on('data', (chunk) => (received += String(chunk)))
  socket.once('end', () => (end = 'FIN')).once('error', (error) => (end = codeOf(error)))
  const body = lines.at(-1) === '' ? '\r\n' : ''
  socket.write(lines.join('\r\n') + body)
  await new Promise((resolve) => socket.once('close', resolve))
  return { received, end }
}

function split({ received, end }: Wire) {
  const [head = '', ...rest] = received.split('\r\n\r\n')
  return { head, body: rest.join('\r\n\r\n'), end }
}

async function ask(url: string, agent?: Agent): Promise<IncomingMessage> {
  const call = get(url, agent === undefined ? {} : { agent })
  const [response] = await once(call, 'response')
  // A reset is told to the call as well; once there is a response, it is the one to ask.
  call.on('error', () => undefined)
  return response
}

function post(url: string) {
  return request(url, { method: 'POST' })
}

/** The code with which the body of a response breaks off. */
async function breakOf(response: IncomingMessage): Promise<string> {
  const [error] = await once(response.resume(), 'error')
  assert.equal(response.complete, false)
  return codeOf(error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
