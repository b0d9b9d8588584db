import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import compression from 'compression'
import session from 'express-session'
import createHttpError from 'http-errors'
import type { ConnectMiddleware, Exchange } from 'good-gateway'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** A store that takes its time, as one behind a network does. */
class SlowStore extends session.MemoryStore {
  saved: string[] = []
  override set(id: string, data: session.SessionData, callback?: (error?: unknown) => void): void {
    setTimeout(() => {
      this.saved.push(id)
      super.set(id, data, callback)
    }, 20)
  }
}

const fails =
  (then: (res: ServerResponse) => unknown): Handler =>
  (_req, res) =>
    get(nobody.url).on('error', () => then(res))

const TEXT = { 'Content-Type': 'text/plain' }

let mounted = 0

for (const host of hosts)
  describe(`${host.name}, the session of an answer that replaces a head`, () => {
    const wrappers: Record<string, (store: session.Store) => ConnectMiddleware[]> = {
      'a session': (store) => [sessions(store)],
      'a session, then compression': (store) => [sessions(store), compressed()],
      'compression, then a session': (store) => [compressed(), sessions(store)],
    }
    const sessions = (store: session.Store) =>
      session({
        store,
        secret: 's',
        resave: false,
        saveUninitialized: false,
      }) as unknown as ConnectMiddleware
    const compressed = () => compression({ threshold: 0 }) as unknown as ConnectMiddleware

    const handlers: Record<string, Handler> = {
      'a bare 502': fails((res) => res.writeHead(502, TEXT).end('bare')),
      'a 502 without a text': fails((res) => void (res.writeHead(502), res.end())),
      ...(host.errors === 'page' && {
        'the page of an error': () => {
          throw createHttpError(418)
        },
      }),
    }
    for (const [what, handler] of Object.entries(handlers))
      for (const [name, wrap] of Object.entries(wrappers))
        for (const fallback of what.includes('502') ? [false, true] : [false])
          it(`is stored where its cookie is sent: ${what}, ${name}${fallback ? ', a fallback' : ''}`, async () => {
            const store = new SlowStore()
            const answers = ({ res }: Exchange) => res.writeHead(200, TEXT).end('fallback')
            const gateway = await host.start({
              use: ({ problemDetails, circuitBreaker, connect }) => [
                problemDetails(),
                ...wrap(store).map(connect),
                circuitBreaker({
                  name: `sessions ${mounted++}`,
                  volumeThreshold: 1e6,
                  ...(fallback && { fallback: answers }),
                }),
              ],
              handler: (req, res) => {
                Object.assign((req as unknown as { session: object }).session, { visited: true })
                return handler(req, res)
              },
            })
            const { head, status } = await sendRaw(
              gateway.port,
              getLine('/', 'Accept-Encoding: gzip'),
            )
            assert.equal(status, fallback ? 200 : what.includes('502') ? 502 : 418)
            const cookie = fieldOf(head, 'set-cookie') ?? ''
            const id = /connect\.sid=s%3A([^.]+)\./.exec(cookie)?.[1]
            assert.ok(id)
            await until(() => store.saved.includes(id))
            await gateway.close()
          })

    it('is stored where a response is kept back to be checked', async () => {
      const store = new SlowStore()
      const upstream = await listen(
        createServer((_req, res) => {
          res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"id":1}')
        }),
      )
      const gateway = await host.start({
        use: ({ problemDetails, connect, validate }) => [
          problemDetails(),
          connect(sessions(store)),
          validate({ response: { 200: { type: 'object', required: ['id'] } } }),
        ],
        handler: (req, res) => {
          Object.assign((req as unknown as { session: object }).session, { visited: true })
          get(upstream.url, (answer) => {
            // A session whose response has no head by Node makes one more.
            answer.pipe(res.writeHead(200, { 'Content-Type': 'application/json' }))
          })
        },
      })
      const { head, status, body } = await sendRaw(gateway.port, getLine('/'))
      assert.equal(status, 200)
      assert.match(body, /\{"id":1\}/)
      assert.match(fieldOf(head, 'set-cookie') ?? '', /connect\.sid/)
      assert.equal(store.saved.length, 1)
      await gateway.close()
      await upstream.close()
    })

    for (const where of ['before', 'after'])
      it(`is stored where a deadline is answered, although the host then destroys the socket: mounted ${where}`, async () => {
        const store = new SlowStore()
        const mute = await listen(createServer(() => {}))
        const gateway = await host.start({
          use: ({ problemDetails, circuitBreaker, connect }) => [
            ...(where === 'before' ? [connect(sessions(store))] : []),
            problemDetails(),
            ...(where === 'after' ? [connect(sessions(store))] : []),
            circuitBreaker({ name: `sessions ${mounted++}`, timeout: 50, volumeThreshold: 1e6 }),
          ],
          handler: (req, res) => {
            Object.assign((req as unknown as { session: object }).session, { visited: true })
            // As finalhandler does with an error behind a head.
            get(mute.url).on('error', () => void (res.headersSent && req.socket.destroy()))
          },
        })
        const received = await sendRaw(gateway.port, getLine('/'))
        assert.equal(problemIn(received).code, 'upstream_timeout')
        assert.equal(store.saved.length, 1)
        await gateway.close()
        await mute.close()
      })
  })
