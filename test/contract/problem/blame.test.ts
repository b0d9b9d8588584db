import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import compression from 'compression'
import finalhandler from 'finalhandler'
import createHttpError from 'http-errors'
import { request as undiciRequest } from 'undici'
import type { ConnectMiddleware } from 'good-gateway'
import { type Host, hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** The hosts that give an application's error to us, and those that show it on finalhandler's page. */
const telling = hosts.filter(({ errors }) => errors !== 'own')
const throwing = hosts.filter(({ errors }) => errors === 'thrown')
const paging = hosts.filter(({ errors }) => errors === 'page')

async function ask(
  host: Host,
  handler: Handler,
  { text = getLine('/'), before = [] }: { text?: string; before?: ConnectMiddleware[] } = {},
): Promise<Received> {
  const gateway = await host.start({
    use: ({ problemDetails, connect }) => [problemDetails(), ...before.map(connect)],
    handler,
  })
  try {
    return await sendRaw(gateway.port, text)
  } finally {
    await gateway.close()
  }
}

const told = (received: Received) => {
  const { code, cause } = problemIn(received)
  return [received.status, code, cause]
}

describe('the blame', () => {
  let upstream: Listening

  before(async () => {
    upstream = await listen(
      createServer((req, res) => {
        if (req.url === '/page') return finalhandler(req, res)(undefined)
        req.resume()
        const status = Number(req.url?.slice(1)) || 200
        return res.writeHead(status, { 'Content-Length': 2 }).end('{}')
      }),
    )
  })
  after(() => upstream.close())

  /** Calls the upstream, and waits for its status. */
  const call = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(upstream.url + path, (answer) =>
        answer.resume().once('end', () => resolve(answer.statusCode)),
      )
        .once('error', reject)
        .end()
    })

  /** What SDKs throw for an error status: the status of the provider, and no word for our client. */
  const sdkError = (status: number) => Object.assign(new Error('Incorrect API key'), { status })

  for (const host of throwing) {
    const defects: Record<string, Handler> = {
      'a field that is undefined, to the upstream': () =>
        request(upstream.url, { headers: { 'X-Tenant': undefined as never } }).end(),
      'a field that Node refuses, to the upstream': () =>
        request(upstream.url, { headers: { 'X-Tenant': 'Zoë\n日本' } }).end(),
      'a name of a field that is none': () =>
        request(upstream.url, { headers: { 'X Tenant': 'a' } }).end(),
      'a path that was decoded': () => request(upstream.url, { path: '/a b' }).end(),
      'a field that is undefined, to the client': (_req, res) =>
        res.setHeader('X-Tenant', undefined as never),
      'a field that Node refuses, to the client, after a call': async (_req, res) => {
        await call('/200')
        res.setHeader('X-Tenant', '日本')
      },
      'a call whose body is shorter than announced': () =>
        undiciRequest(upstream.url, {
          method: 'POST',
          headers: { 'content-length': '9' },
          body: new PassThrough().end('ab'),
        }),
      'a call whose body is longer than announced': () =>
        undiciRequest(upstream.url, {
          method: 'POST',
          headers: { 'content-length': '1' },
          body: new PassThrough().end('abc'),
        }),
      'a body parser that finds a part of the body': () => {
        throw createHttpError(400, 'request size did not match content length', {
          type: 'request.size.invalid',
        })
      },
      'a body parser that finds a body read': () => {
        throw createHttpError(500, 'stream is not readable', { type: 'stream.not.readable' })
      },
    }
    for (const [what, handler] of Object.entries(defects)) {
      it(`${host.name}: is the gateway's for ${what}`, async () => {
        const received = await ask(host, handler)
        assert.deepEqual(told(received), [500, 'gateway_misconfigured', 'misconfiguration'])
      })
    }
  }

  for (const host of telling) {
    for (const status of [401, 403, 404, 422, 500]) {
      it(`${host.name}: is the upstream's where a client library throws its ${status}`, async () => {
        const received = await ask(host, async () => {
          throw sdkError((await call(`/${status}`)) ?? 0)
        })
        assert.deepEqual(told(received), [502, 'upstream_error', 'dependency'])
        assert.doesNotMatch(received.text, /API key/)
      })
    }

    it(`${host.name}: is the upstream's where a client library rejects a stream of POST`, async () => {
      const text = `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody`
      const received = await ask(
        host,
        async () => {
          throw sdkError((await call('/401')) ?? 0)
        },
        { text },
      )
      assert.deepEqual(told(received), [502, 'upstream_error', 'dependency'])
    })

    for (const status of [401, 404, 409, 429]) {
      it(`${host.name}: is the client's for a ${status} of a middleware's own, after a good call`, async () => {
        const received = await ask(host, async () => {
          await call('/200')
          throw createHttpError(status)
        })
        assert.deepEqual(told(received), [status, 'request_rejected', 'client'])
      })
    }

    for (const status of [501, 503]) {
      it(`${host.name}: keeps a ${status} of a middleware's own, after a good call`, async () => {
        const received = await ask(host, async () => {
          await call('/200')
          throw createHttpError(status, { headers: { 'Retry-After': '3600' } })
        })
        assert.deepEqual(told(received), [status, 'gateway_error', 'gateway'])
        assert.equal(problemIn(received).retry_after, 3600)
      })
    }

    it(`${host.name}: keeps the fields of a 416, a 426 and a 429 of the application`, async () => {
      const fields: [number, string, string][] = [
        [416, 'Content-Range', 'bytes */1234'],
        [426, 'Upgrade', 'HTTP/2.0'],
        [429, 'Retry-After', '3600'],
        [503, 'Retry-After', '3600'],
      ]
      for (const [status, name, value] of fields) {
        const received = await ask(host, () => {
          throw createHttpError(status, { headers: { [name]: value } })
        })
        assert.deepEqual([received.status, fieldOf(received.head, name)], [status, value])
        problemIn(received)
      }
    })

    it(`${host.name}: keeps the message of an http-error below 500, and of no other`, async () => {
      const detailOf = async (error: Error) =>
        problemIn(
          await ask(host, () => {
            throw error
          }),
        ).detail
      assert.equal(
        await detailOf(createHttpError(409, `"A" & <b>\nis  there`)),
        `"A" & <b>\nis  there`,
      )
      assert.equal(
        await detailOf(Object.assign(new Error('at 10.0.0.7'), { status: 404 })),
        'The gateway rejected the request.',
      )
      assert.equal(
        await detailOf(createHttpError(503, 'at 10.0.0.7')),
        'The gateway met an unexpected condition.',
      )
    })
  }

  for (const host of paging) {
    const page: Handler = (req, res) => finalhandler(req, res)(undefined)
    const POLICY = {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'",
      'X-Content-Type-Options': 'nosniff',
    }
    const own: Record<string, Handler> = {
      'written at once': (_req, res) => res.writeHead(404, POLICY).end('<h1>Not here</h1>'),
      'set and ended': (_req, res) => {
        for (const [name, value] of Object.entries(POLICY)) res.setHeader(name, value)
        res.statusCode = 404
        res.end('<h1>Not here</h1>')
      },
      'ended as bytes': (_req, res) => {
        for (const [name, value] of Object.entries(POLICY)) res.setHeader(name, value)
        res.statusCode = 500
        res.end(Buffer.from('<h1>Not here</h1>'))
      },
      streamed: (_req, res) => {
        res.writeHead(500, POLICY).write('<h1>')
        setImmediate(() => res.end('Not here</h1>'))
      },
    }
    for (const [what, handler] of Object.entries(own)) {
      for (const wrapped of [false, true]) {
        const where = wrapped ? ', through compression' : ''
        it(`${host.name}: passes a page of the gateway's own with the policy of finalhandler, ${what}${where}`, async () => {
          const received = await ask(host, handler, {
            before: wrapped ? [compression() as unknown as ConnectMiddleware] : [],
          })
          assert.match(received.text, /<h1>.*Not here<\/h1>/s)
        })
      }
    }

    it(`${host.name}: passes the page of an upstream that is kept whole, and then sent`, async () => {
      const received = await ask(host, async (_req, res) => {
        const answer = await fetch(`${upstream.url}/page`)
        for (const [name, value] of answer.headers)
          if (!/^(?:connection|keep-alive)$/.test(name)) res.setHeader(name, value)
        res.statusCode = answer.status
        res.end(await answer.text())
      })
      assert.equal(received.status, 404)
      assert.match(received.body, /Cannot GET \/page/)
    })

    it(`${host.name}: answers for a library's error of an upstream that is written in Express`, async () => {
      const received = await ask(host, async () => {
        throw sdkError((await call('/page')) ?? 0)
      })
      assert.deepEqual(told(received), [502, 'upstream_error', 'dependency'])
    })

    for (const method of ['GET', 'HEAD']) {
      it(`${host.name}: knows the page for ${method} through compression, too`, async () => {
        const received = await ask(host, page, {
          text: getLine('/').replace('GET', method),
          before: [compression() as unknown as ConnectMiddleware],
        })
        assert.equal(received.status, 404)
        assert.match(fieldOf(received.head, 'content-type') ?? '', /problem\+json/)
      })
    }

    it(`${host.name}: knows the page of a long error that is compressed`, async () => {
      const received = await ask(
        host,
        () => {
          throw createHttpError(404, 'x'.repeat(5000))
        },
        {
          text: getLine('/', 'Accept-Encoding: gzip'),
          before: [compression() as unknown as ConnectMiddleware],
        },
      )
      assert.equal(received.status, 404)
      assert.match(fieldOf(received.head, 'content-type') ?? '', /problem\+json/)
    })
  }
})
