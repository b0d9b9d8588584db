import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import createHttpError from 'http-errors'
import { GatewayError, type ProblemDetailsOptions } from 'good-gateway'
import { throwing } from '../../support/hosts.js'
import { fieldOf, problemIn, proxyStatusIn } from '../../support/problem.js'
import { askGateway } from '../../support/gateway.js'
import { getLine, type Received } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

for (const host of throwing) {
  describe(`${host.name}, the fields beside a standard body`, () => {
    let closedPort: string
    let dying: Listening

    before(async () => {
      closedPort = nobody.url
      dying = await listen(
        createServer((_req, res) => {
          res.writeHead(206, { 'Content-Length': 100 }).write('part', () => res.destroy())
        }),
      )
    })
    after(() => dying.close())

    async function ask(handler: Handler, options: ProblemDetailsOptions = {}): Promise<Received> {
      return askGateway(
        host,
        {
          use: ({ problemDetails }) => [problemDetails(options)],
          handler,
        },
        getLine('/'),
      )
    }

    const fails = (headers: Record<string, unknown>, status = 429): Promise<Received> =>
      ask(() => {
        throw createHttpError(status, { headers })
      })

    /** A proxy that calls an upstream in vain and makes an answer up. */
    const madeUp =
      (write: (res: ServerResponse) => void, url = closedPort): Handler =>
      (_req, res) => {
        request(url, (answer) => answer.resume().once('error', () => {}))
          .once('error', () => write(res))
          .once('close', () => res.headersSent || write(res))
          .end()
      }

    const texts: ConstructorParameters<typeof GatewayError>[] = [
      ['upstream_timeout', { upstream: 'a "b" \\ ü \ud800' }],
      ['circuit_open', { upstream: 'orders', retryAfter: 3 }],
      [
        'request_invalid',
        {
          errors: [{ in: 'body', pointer: '#/a', code: 'type', detail: 'must be\n"x" \u2028' }],
          errorsTruncated: true,
        },
      ],
      ['request_rejected', { status: 418, detail: 'no "tea"\n' }],
      ['request_rejected', { status: 404, detail: '' }],
    ]
    for (const [code, given = {}] of texts)
      for (const typeBase of ['urn:x:', 'https://example.com/"a"/']) {
        it(`writes ${code} ${given.status ?? ''} of ${typeBase} as JSON.stringify does`, async () => {
          const told: unknown[] = []
          const handler = () => {
            throw new GatewayError(code, given)
          }
          const onError: ProblemDetailsOptions['onError'] = (_error, { problem }) => {
            told.push(problem)
          }
          const received = await ask(handler, { typeBase, onError })
          const text = Buffer.from(received.body, 'latin1').toString()
          assert.equal(text, JSON.stringify(told[0]))
        })
      }

    const waits: [given: string, seconds: number | undefined][] = [
      ['0', 1],
      ['-5', 1],
      ['1.2', 2],
      ['300', 300],
      ['86400', 86_400],
      ['Wed, 21 Oct 2015 07:28:00 GMT', 1],
      ['soon', undefined],
      ['', undefined],
      ['Infinity', undefined],
    ]
    for (const [given, seconds] of waits) {
      it(`turns Retry-After "${given}" of a thrown error into ${String(seconds)}`, async () => {
        const received = await fails({ 'retry-after': given })
        assert.equal(problemIn(received).retry_after, seconds)
        const lines = received.head.match(/^retry-after: .*$/gim) ?? []
        assert.deepEqual(lines, seconds === undefined ? [] : [`Retry-After: ${seconds}`])
      })
    }

    it('counts the seconds to a date', async () => {
      const received = await fails({ 'Retry-After': new Date(Date.now() + 60_000).toUTCString() })
      const wait = problemIn(received).retry_after ?? 0
      assert.ok(wait >= 50 && wait <= 60, String(wait))
    })

    it('drops the wait of an answer that is replaced', async () => {
      const received = await ask(
        madeUp((res) => res.setHeader('Retry-After', '3600').writeHead(503).end()),
      )
      assert.equal(problemIn(received).retry_after, undefined)
    })

    it("keeps the fields of a thrown error, but those that delimit the message or are the gateway's own", async () => {
      const received = await fails(
        {
          'content-length': '5',
          'Transfer-Encoding': 'chunked',
          'content-type': 'text/plain',
          'cache-control': 'max-age=60',
          'x-request-id': 'theirs',
          'WWW-Authenticate': ['Basic', 'Bearer'],
          'X-Bad\n': 'x',
          'X-Bad': 'a\r\nb: c',
          'X-Object': {},
        },
        401,
      )
      assert.equal(problemIn(received).code, 'request_rejected')
      assert.equal(fieldOf(received.head, 'www-authenticate'), 'Basic, Bearer')
      assert.equal(received.head.match(/^content-length: /gim)?.length, 1)
      assert.doesNotMatch(received.head, /transfer-encoding|theirs|x-bad|x-object/i)
    })

    it('appends to the members of Proxy-Status that the response has, in their order', async () => {
      const received = await ask(
        madeUp((res) =>
          res
            .setHeader('Proxy-Status', ['origin;error=dns_error', '"edge 1", cache'])
            .writeHead(502)
            .end(),
        ),
      )
      problemIn(received)
      assert.deepEqual(
        proxyStatusIn(received.head).map(({ name }) => name),
        ['origin', 'edge 1', 'cache', 'gateway'],
      )
    })

    for (const bad of ['"open', 'a;;b', 'näme', ', ,', '']) {
      it(`keeps the field valid where a line is ${JSON.stringify(bad)}`, async () => {
        const received = await ask(
          madeUp((res) => res.setHeader('Proxy-Status', ['good', bad]).writeHead(502).end()),
        )
        problemIn(received)
        assert.deepEqual(
          proxyStatusIn(received.head).map(({ name }) => name),
          ['good', 'gateway'],
        )
      })
    }

    it('shows the status of an upstream that answered and then broke off', async () => {
      const received = await ask(madeUp((res) => res.writeHead(502).end(), dying.url))
      problemIn(received)
      assert.deepEqual(proxyStatusIn(received.head), [
        {
          name: 'gateway',
          parameters: { error: 'http_response_incomplete', 'received-status': 206 },
        },
      ])
    })

    it('shows details only with expose: full, and as a valid string', async () => {
      const ünsafe: Handler = () => {
        throw new Error('nämlich "so"\n\\ever')
      }
      const safe = await ask(ünsafe)
      assert.deepEqual(proxyStatusIn(safe.head)[0]?.parameters, { error: 'proxy_internal_error' })
      const full = await ask(ünsafe, { expose: 'full' })
      assert.equal(proxyStatusIn(full.head)[0]?.parameters['details'], 'n?mlich "so"?\\ever')
    })

    for (const [given, varies] of [
      ['Origin', 'Origin, Accept'],
      ['accept', 'accept'],
      ['*', '*'],
      [['Origin', 'Accept-Encoding'], 'Origin, Accept-Encoding, Accept'],
    ] as const) {
      it(`adds Accept to Vary: ${String(given)}`, async () => {
        const received = await ask((_req, res) => {
          res.setHeader('Vary', given)
          throw createHttpError(400)
        })
        assert.equal(fieldOf(received.head, 'vary'), varies)
      })
    }
  })
}
