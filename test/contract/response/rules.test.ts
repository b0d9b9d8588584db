import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import finalhandler from 'finalhandler'
import createHttpError from 'http-errors'
import type { ProblemDetailsOptions } from 'good-gateway'
import { createForward, createHttpProxy } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { askGateway } from '../../support/gateway.js'
import { getLine, type Received } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

for (const host of hosts) {
  describe(`${host.name}, what is replaced and what is not`, () => {
    let upstream: Listening
    let closedPort: string

    before(async () => {
      upstream = await listen(
        createServer((req, res) => {
          const status = Number(req.url?.slice(1)) || 200
          res.writeHead(status, { 'Content-Length': 2, 'X-From': 'upstream' }).end('{}')
        }),
      )
      closedPort = nobody.url
    })

    after(() => upstream.close())

    async function ask(
      handler: Handler,
      options: ProblemDetailsOptions = {},
      ...fields: string[]
    ): Promise<Received> {
      return askGateway(
        host,
        {
          use: ({ problemDetails }) => [problemDetails(options)],
          handler,
        },
        getLine('/', ...fields),
      )
    }

    /** Calls an upstream and waits for its status, or undefined when it fails. */
    const call = (url: string) =>
      new Promise<number | undefined>((resolve) => {
        request(url, (answer) => answer.resume().once('end', () => resolve(answer.statusCode)))
          .once('error', () => resolve(undefined))
          .end()
      })

    for (const status of [400, 404, 500, 503]) {
      it(`passes the application's own ${status}`, async () => {
        const received = await ask((_req, res) => {
          res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': 11 })
          res.end('{"own":true')
        })
        assert.deepEqual([received.status, received.body], [status, '{"own":true'])
      })
    }

    it('passes a 200 with which the application answers for a failed call', async () => {
      const received = await ask(async (_req, res) => {
        await call(closedPort)
        res.end('from the cache')
      })
      assert.equal(received.status, 200)
    })

    it('replaces a 5xx with which the application answers for a failed call, in any format', async () => {
      const received = await ask(async (_req, res) => {
        await call(closedPort)
        res.setHeader('Content-Type', 'text/html')
        res.setHeader('ETag', '"1"')
        res.setHeader('Set-Cookie', ['a=1', 'b=2'])
        res.writeHead(504, { 'Content-Encoding': 'gzip' })
        res.write('<html>')
        res.end('</html>')
      })
      assert.equal(problemIn(received).code, 'upstream_refused')
      assert.equal(received.status, 502)
      for (const name of ['etag', 'content-encoding']) {
        assert.equal(fieldOf(received.head, name), undefined)
      }
      assert.equal(received.head.match(/^set-cookie: /gim)?.length, 2)
    })

    it('passes what the application pipes instead of a response that broke', async () => {
      const breaking = await listen(
        createServer((_req, res) => {
          res.writeHead(200, { 'Content-Length': 50 }).write('part', () => res.socket?.end())
        }),
      )
      const received = await ask((_req, res) => {
        request(breaking.url, (answer) => {
          answer.on('data', () => {}).once('error', () => Readable.from(['from disk']).pipe(res))
        }).end()
      })
      await breaking.close()
      assert.equal(received.status, 200)
      assert.match(received.body, /from disk/)
    })

    it('lets the last call decide: a good one clears what failed before it', async () => {
      const received = await ask(async (_req, res) => {
        await call(closedPort)
        await call(`${upstream.url}/200`)
        res.writeHead(503).end('own')
      })
      assert.equal(received.status, 503)
      assert.match(received.body, /own/)
    })

    it('lets the last call decide: a failed one after a good one', async () => {
      const received = await ask(async (_req, res) => {
        await call(`${upstream.url}/200`)
        await call(closedPort)
        res.writeHead(500).end('own')
      })
      assert.equal(problemIn(received).code, 'upstream_refused')
    })

    it('explains an unknown error by the call that failed', async () => {
      const received = await ask(async () => {
        await call(closedPort)
        throw new TypeError('undefined is not a function')
      })
      assert.equal(problemIn(received).code, 'upstream_refused')
    })

    if (host.errors !== 'own') {
      it('answers an unknown error after an answered call with upstream_error', async () => {
        const received = await ask(async () => {
          await call(`${upstream.url}/500`)
          throw Object.assign(new Error('Request failed with status code 500'), { status: 500 })
        })
        assert.deepEqual([received.status, problemIn(received).code], [502, 'upstream_error'])
      })
    }

    if (host.errors !== 'own') {
      it('answers an unknown error without a call with gateway_error, and shows nothing of it', async () => {
        const received = await ask(() => {
          throw new Error('secret at 10.0.0.7')
        })
        assert.deepEqual([received.status, problemIn(received).code], [500, 'gateway_error'])
        assert.doesNotMatch(received.text, /secret|10\.0\.0\.7/)
      })
    }

    if (host.errors === 'thrown') {
      it('does not confuse a wrong configuration of the gateway with a defect', async () => {
        const forward = createHttpProxy()
        const received = await ask((req, res) => forward(req, res, 'http://127.0.0.1:99999'))
        assert.deepEqual(
          [received.status, problemIn(received).code],
          [500, 'gateway_misconfigured'],
        )
      })
    }

    if (host.errors !== 'own') {
      it('keeps status, headers and exposed message of an http-error below 500', async () => {
        const received = await ask(() => {
          throw createHttpError(401, 'Token is missing', {
            headers: { 'WWW-Authenticate': 'Bearer' },
          })
        })
        const problem = problemIn(received)
        assert.deepEqual(
          [received.status, problem.code, problem.detail, problem.retryable],
          [401, 'request_rejected', 'Token is missing', false],
        )
        assert.equal(fieldOf(received.head, 'www-authenticate'), 'Bearer')
      })
    }

    if (host.errors !== 'own') {
      it('survives whatever is thrown', async () => {
        // To next() these are no errors.
        const nothing = host.errors === 'thrown' ? [undefined, null] : []
        for (const thrown of [
          ...nothing,
          'text',
          7,
          Symbol('s'),
          { status: 'x' },
          Object.create(null),
        ]) {
          const received = await ask(() => {
            throw thrown
          })
          assert.equal(problemIn(received).code, 'gateway_error')
        }
      })
    }

    if (host.errors !== 'own') {
      it('keeps an incoming request id that is short and harmless, and replaces others', async () => {
        const fail = () => {
          throw createHttpError(400)
        }
        const kept = problemIn(await ask(fail, {}, 'X-Request-Id: abc-123'))
        assert.equal(kept.request_id, 'abc-123')
        for (const bad of ['a b', '<script>', 'x'.repeat(200)]) {
          const replaced = problemIn(await ask(fail, {}, `X-Request-Id: ${bad}`))
          assert.match(replaced.request_id, /^[0-9a-f-]{36}$/)
        }
      })
    }

    const callbacks: Record<string, () => never> = {
      throws: () => {
        throw new Error('callback')
      },
      'throws what cannot be shown': () => {
        throw Object.create(null)
      },
      'rejects later': (async () => {
        throw new Error('callback')
      }) as () => never,
    }
    for (const [what, broken] of Object.entries(callbacks)) {
      it(`still answers when a callback of the user ${what}, and reports it`, async () => {
        const seen: string[] = []
        const warned = (warning: Error) => seen.push(warning.message)
        process.on('warning', warned)
        const received = await ask(
          async (_req, res) => {
            await call(closedPort)
            res.writeHead(500).end()
          },
          { onError: broken, requestId: broken, format: broken, intercept: broken },
        )
        await new Promise((resolve) => setImmediate(resolve))
        process.off('warning', warned)
        assert.equal(problemIn(received).code, 'upstream_refused')
        for (const name of ['onError', 'requestId', 'format', 'intercept']) {
          assert.ok(
            seen.some((message) => message.includes(`${name} threw`)),
            `${name}: ${seen.join('; ')}`,
          )
        }
      })
    }

    it('sends the standard body where a format gives something else', async () => {
      const fail: Handler = async (_req, res) => {
        await call(closedPort)
        res.writeHead(500).end()
      }
      for (const wrong of [undefined, 'text', { body: 'x' }, { contentType: 'a\nb', body: 'x' }]) {
        const received = await ask(fail, { format: () => wrong as never })
        assert.equal(problemIn(received).code, 'upstream_refused')
      }
    })

    if (host.errors === 'page') {
      const page: Handler = (req, res) => finalhandler(req, res)(undefined)

      it("answers the host's own page for a request that nothing answers", async () => {
        const received = await ask(page)
        assert.deepEqual([received.status, problemIn(received).code], [404, 'request_rejected'])
        assert.equal(fieldOf(received.head, 'content-security-policy'), undefined)
      })

      it('passes the redirection of serve-static, which has the same policy', async () => {
        const received = await ask((_req, res) => {
          res.writeHead(301, {
            Location: '/docs/',
            'Content-Type': 'text/html; charset=UTF-8',
            'Content-Security-Policy': "default-src 'none'",
          })
          res.end('<pre>Redirecting</pre>')
        })
        assert.equal(received.status, 301)
        assert.match(received.text, /Redirecting/)
      })

      it('passes the page of an upstream that is written in Express itself', async () => {
        const behind = await listen(createServer(page))
        const forward = createForward()
        const received = await ask((req, res) => forward(req, res, behind.url))
        await behind.close()
        assert.equal(received.status, 404)
        assert.match(received.body, /<pre>Cannot GET \/<\/pre>/)
      })
    }

    it('passes a page of the application', async () => {
      const received = await ask((_req, res) => {
        const fields = {
          'Content-Type': 'text/html; charset=utf-8',
          'Content-Security-Policy': "default-src 'none'",
          'X-Content-Type-Options': 'nosniff',
        }
        res.setHeader('Content-Length', 17).writeHead(404, fields).end('<h1>Not here</h1>')
      })
      assert.deepEqual([received.status, received.body], [404, '<h1>Not here</h1>'])
    })

    it('answers where the status is one that Node refuses to write', async () => {
      const received = await ask((_req, res) => {
        Object.assign(res, { statusCode: 'ECONNREFUSED' })
        res.end('connect ECONNREFUSED 10.0.0.7')
      })
      assert.deepEqual([received.status, problemIn(received).code], [500, 'gateway_error'])
      assert.doesNotMatch(received.text, /10\.0\.0\.7/)
    })

    it('does what intercept says', async () => {
      const page: Handler = (_req, res) => res.writeHead(404).end('page')
      const replaced = await ask(page, { intercept: (_exchange, status) => status === 404 })
      assert.deepEqual([replaced.status, problemIn(replaced).code], [404, 'request_rejected'])
      const forward = createHttpProxy()
      const kept = await ask((req, res) => forward(req, res, closedPort), {
        intercept: () => false,
      })
      assert.deepEqual([kept.status, fieldOf(kept.head, 'proxy-status')], [500, undefined])
    })

    it('uses the format, name, statuses and expose of the options', async () => {
      const forward = createForward()
      const received = await ask((req, res) => forward(req, res, closedPort), {
        format: 'openai',
        name: 'edge 1',
        status: { upstream_refused: 503 },
        expose: 'full',
      })
      assert.equal(received.status, 503)
      const { error } = JSON.parse(received.body) as { error: Record<string, string> }
      assert.deepEqual(
        [error['code'], error['type']],
        ['upstream_refused', 'service_unavailable_error'],
      )
      assert.match(error['message'] ?? '', /ECONNREFUSED/)
      assert.equal(fieldOf(received.head, 'x-should-retry'), 'true')
      assert.match(
        fieldOf(received.head, 'proxy-status') ?? '',
        /^"edge 1";error=connection_refused;details="connect ECONNREFUSED .*"$/,
      )
    })

    it('reports every problem to the log hook, with the low-level error', async () => {
      const reported: [string, string | undefined][] = []
      const forward = createForward()
      await ask((req, res) => forward(req, res, closedPort), {
        onError: (error, { problem }) =>
          reported.push([problem.code, (error.cause as NodeJS.ErrnoException).code]),
      })
      assert.deepEqual(reported, [['upstream_refused', 'ECONNREFUSED']])
    })
  })
}

describe('problemDetails at mount', () => {
  const wrong: [unknown, RegExp][] = [
    [{ nam: 'x' }, /unknown option "nam"/],
    [{ format: 'xml' }, /"format" must be one of "problem"/],
    [{ status: { no_such_code: 500 } }, /"status" must be/],
    [{ expose: true }, /"expose" must be "safe" or "full"/],
    [{ onError: 'log' }, /"onError" must be a function/],
  ]
  for (const [options, message] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      const { problemDetails } = await import('good-gateway/koa')
      assert.throws(() => problemDetails(options as ProblemDetailsOptions), {
        name: 'TypeError',
        message,
      })
    })
  }
})
