import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import session from 'express-session'
import responseTime from 'response-time'
import helmet from 'helmet'
import createHttpError from 'http-errors'
import { breakers, type ConnectMiddleware, type ErrorInfo } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** A store that takes its time, as one behind a network does. */
class SlowStore extends session.MemoryStore {
  saved: string[] = []
  override set(id: string, data: session.SessionData, callback?: (error?: unknown) => void): void {
    setTimeout(() => {
      this.saved.push(id)
      super.set(id, data, callback)
    }, 50)
  }
}

const onceWritten = (res: ServerResponse) => res.writeHead(500).end('proxy')

for (const host of hosts) {
  describe(`${host.name}, answers through what the application has put on the response`, () => {
    const name = `wrapped on ${host.name}`
    let dead: Listening
    const forward = createForward()

    before(async () => {
      dead = await listen(
        createServer((req, res) => {
          if (req.url === '/head') {
            const fields = {
              'Set-Cookie': ['upstream=1; Path=/', 'second=2'],
              'Cache-Control': 'public, max-age=60',
              Age: '5',
              Refresh: '1',
              'Clear-Site-Data': '"*"',
              'Content-Length': '9',
            }
            res.writeHead(200, fields).flushHeaders()
            setTimeout(() => res.destroy(), 20)
          } else if (req.url === '/events') {
            res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
            setTimeout(() => res.destroy(), 30)
          }
        }),
      )
    })
    beforeEach(() => breakers.get(name)?.close())
    after(() => dead.close())

    const sessions = (store: session.Store) =>
      session({
        store,
        secret: 's',
        resave: false,
        saveUninitialized: false,
      }) as unknown as ConnectMiddleware

    async function ask(
      handler: Handler,
      wrappers: readonly ConnectMiddleware[],
      {
        text = getLine('/'),
        fallback,
        onError,
        format = 'problem',
      }: {
        text?: string
        fallback?: (exchange: { res: ServerResponse }) => unknown
        onError?: (error: unknown, info: ErrorInfo) => void
        format?: 'problem' | 'openai'
      } = {},
    ): Promise<Received> {
      const gateway = await host.start({
        use: ({ problemDetails, circuitBreaker, connect }) => [
          problemDetails({ format, ...(onError && { onError }) }),
          ...wrappers.map(connect),
          ...(fallback
            ? [
                circuitBreaker({
                  name: `${name} with a fallback`,
                  timeout: 100,
                  fallback,
                  volumeThreshold: 1e6,
                }),
              ]
            : [circuitBreaker({ name, timeout: 100, volumeThreshold: 1e6 })]),
        ],
        handler,
      })
      try {
        return await sendRaw(gateway.port, text)
      } finally {
        await gateway.close()
      }
    }

    const visited = (req: IncomingMessage) =>
      Object.assign((req as unknown as { session: object }).session, { visited: true })

    const ways: Record<string, Handler> = {
      'a deadline': () => {},
      ...(host.errors !== 'own' && {
        'a thrown error': () => {
          throw createHttpError(403)
        },
      }),
    }
    for (const [what, handler] of Object.entries(ways)) {
      it(`saves the session where ${what} is answered, before the answer is whole`, async () => {
        const store = new SlowStore()
        const received = await ask(
          (req, res) => {
            visited(req)
            return handler(req, res)
          },
          [sessions(store)],
        )
        problemIn(received)
        const id = /connect\.sid=s%3A([^.]+)\./.exec(
          fieldOf(received.head, 'set-cookie') ?? '',
        )?.[1]
        assert.deepEqual(store.saved, [id])
      })

      it(`compresses where ${what} is answered, and sets the fields of hooks`, async () => {
        const received = await ask(
          handler,
          [
            compression({ threshold: 0, filter: () => true }) as unknown as ConnectMiddleware,
            responseTime() as unknown as ConnectMiddleware,
          ],
          { text: getLine('/', 'Accept-Encoding: gzip') },
        )
        assert.ok(received.status >= 400)
        assert.match(fieldOf(received.head, 'x-response-time') ?? '', /ms$/)
        if (fieldOf(received.head, 'content-encoding') !== 'gzip') return problemIn(received)
        const { text, whole } = dechunk(received.body)
        assert.ok(whole)
        const body = gunzipSync(Buffer.from(text, 'latin1')).toString()
        assert.equal((JSON.parse(body) as { status: number }).status, received.status)
      })
    }

    it('has no cookie for a session that was never stored', async () => {
      const store = new SlowStore()
      const received = await ask(
        (req, res) => {
          visited(req)
          request(nobody.url)
            .on('error', () => onceWritten(res))
            .end()
        },
        [sessions(store)],
      )
      assert.equal(problemIn(received).code, 'upstream_refused')
      if (fieldOf(received.head, 'set-cookie') !== undefined)
        await until(() => store.saved.length > 0)
    })

    it('saves the session where a fallback answers', async () => {
      const store = new SlowStore()
      let endLate = () => {}
      const received = await ask(
        (req, res) => {
          visited(req)
          endLate = () => void res.end('late')
        },
        [sessions(store)],
        {
          fallback: ({ res }) => {
            res.writeHead(200, { 'Content-Type': 'text/plain' })
            res.write('from the ')
            setImmediate(() => {
              endLate()
              res.end('fallback')
            })
          },
        },
      )
      endLate()
      assert.equal(received.status, 200)
      assert.match(dechunk(received.body).text || received.body, /from the fallback/)
      assert.equal(store.saved.length, 1)
      assert.match(fieldOf(received.head, 'set-cookie') ?? '', /connect\.sid/)
    })

    const wrapping =
      (wrap: (res: ServerResponse) => void): ConnectMiddleware =>
      (_req, res, next) => {
        wrap(res)
        next()
      }

    it('is written below a wrapper that throws, and once', async () => {
      const received = await ask(() => {}, [
        wrapping((res) => {
          res.end = () => {
            throw new Error('broken wrapper')
          }
        }),
      ])
      assert.equal(received.status, 504)
      assert.equal(received.text.match(/HTTP\/1\.1/g)?.length, 1)
    })

    it('is written below a wrapper that keeps the head for longer than a second', async () => {
      const received = await ask(() => {}, [
        wrapping((res) => {
          res.writeHead = () => res
          res.end = () => res
        }),
      ])
      assert.equal(problemIn(received).code, 'upstream_timeout')
    })

    it('is written once, however often a wrapper ends it', async () => {
      const received = await ask(() => {}, [
        wrapping((res) => {
          const { end } = res
          res.end = function twice(this: ServerResponse, ...args: unknown[]) {
            Reflect.apply(end, this, args)
            setTimeout(() => Reflect.apply(end, this, args), 20)
            return Reflect.apply(end, this, args) as ServerResponse
          } as ServerResponse['end']
        }),
      ])
      assert.equal(problemIn(received).code, 'upstream_timeout')
    })

    it('what the application writes late does nothing', async () => {
      const late: unknown[] = []
      let writeLate = () => {}
      const received = await ask(
        (_req, res) => {
          writeLate = () => {
            res.setHeader('X-Late', '1')
            res.writeHead(200, { 'X-Late': '2' })
            late.push(res.write('late'))
            res.end('late')
          }
        },
        [sessions(new SlowStore()), compression() as unknown as ConnectMiddleware],
        // While the store saves the session, and once more when the answer is out.
        { onError: () => setImmediate(() => writeLate()) },
      )
      assert.equal(problemIn(received).code, 'upstream_timeout')
      assert.equal(fieldOf(received.head, 'x-late'), undefined)
      assert.deepEqual(late, [true])
    })

    const losing: Record<string, ConnectMiddleware> = {
      compression: compression() as unknown as ConnectMiddleware,
      'a logger that drops callbacks': wrapping((res) => {
        const { write } = res
        res.write = ((chunk: unknown) => Reflect.apply(write, res, [chunk])) as typeof write
      }),
    }
    for (const [what, wrapper] of Object.entries(losing)) {
      it(`the error event of a stream passes by ${what}`, async () => {
        const started = performance.now()
        const received = await ask((req, res) => forward(req, res, dead.url), [wrapper], {
          text: getLine('/events'),
        })
        assert.match(received.body, /event: error\r?\ndata: \{"type":/)
        assert.equal(dechunk(received.body).whole, false)
        assert.ok(performance.now() - started < 5000)
      })
    }

    for (const [what, handler] of Object.entries({
      ...ways,
      'a failed call': ((req, res) => forward(req, res, nobody.url)) as Handler,
    })) {
      it(`keeps the Content-Security-Policy of helmet where ${what} is answered`, async () => {
        const gateway = await host.start({
          use: ({ problemDetails, circuitBreaker, connect }) => [
            connect(helmet() as unknown as ConnectMiddleware),
            problemDetails(),
            circuitBreaker({ name, timeout: 100, volumeThreshold: 1e6 }),
          ],
          handler,
        })
        const received = await sendRaw(gateway.port, getLine('/'))
        await gateway.close()
        problemIn(received)
        assert.match(fieldOf(received.head, 'content-security-policy') ?? '', /default-src 'self'/)
      })
    }

    it('leaves no field of an upstream that died after its head on our answer', async () => {
      const received = await ask(
        (req, res) => {
          res.setHeader('Set-Cookie', 'own=1')
          res.setHeader('Content-Security-Policy', "default-src 'self'")
          res.setHeader('X-Frame-Options', 'DENY')
          request(`${dead.url}${req.url}`, (answer) => {
            for (const [field, value] of Object.entries(answer.headers))
              if (field === 'set-cookie') res.appendHeader('Set-Cookie', value ?? [])
              else if (value !== undefined && field !== 'connection') res.setHeader(field, value)
            answer.pipe(res)
          })
            .on('error', () => {})
            .end()
        },
        [],
        { text: getLine('/head') },
      )
      assert.equal(problemIn(received).code, 'upstream_response_incomplete')
      assert.deepEqual(received.head.match(/^set-cookie: .*$/gim), ['Set-Cookie: own=1'])
      assert.equal(fieldOf(received.head, 'cache-control'), 'no-store')
      for (const field of ['age', 'refresh', 'clear-site-data'])
        assert.equal(fieldOf(received.head, field), undefined)
      assert.equal(fieldOf(received.head, 'content-security-policy'), "default-src 'self'")
      assert.equal(fieldOf(received.head, 'x-frame-options'), 'DENY')
    })
  })
}
