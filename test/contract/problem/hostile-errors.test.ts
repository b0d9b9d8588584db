import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { throwing } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const throws = (): never => {
  throw new Error('trap')
}
const withGetter = (name: string, more: object = {}): Error =>
  Object.defineProperty(Object.assign(new Error('x'), more), name, { get: throws })

/** What nobody should throw. */
const hostile: Record<string, () => unknown> = {
  'a status that cannot be read': () => withGetter('status'),
  'headers that cannot be read': () => withGetter('headers', { status: 400, expose: true }),
  'a message that cannot be read': () => withGetter('message', { status: 400, expose: true }),
  'a field that cannot be read': () =>
    Object.assign(new Error('x'), {
      status: 400,
      headers: Object.defineProperty({}, 'x', { get: throws, enumerable: true }),
    }),
  'a status that cannot be a number': () => Object.assign(new Error('x'), { status: Symbol('x') }),
  'a status whose conversion throws': () =>
    Object.assign(new Error('x'), { status: { valueOf: throws } }),
  'a Proxy with traps that throw': () => new Proxy(new Error('x'), { get: throws, has: throws }),
  'a revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'a frozen error': () => Object.freeze(new Error('x')),
  'an object without a prototype': () => Object.create(null),
}

for (const host of throwing) {
  describe(`${host.name}, errors that nobody should throw`, () => {
    for (const [what, make] of Object.entries(hostile)) {
      it(`answers ${what} with a standard body, and goes on to work`, async () => {
        const { error } = console
        // Koa's own log and ours; what they make of such an error is not looked at.
        console.error = () => {}
        const gateway = await host.start({
          use: ({ problemDetails }) => [problemDetails()],
          handler: (req) => {
            if (req.url === '/') throw make()
          },
        })
        try {
          const { status, code } = problemIn(await sendRaw(gateway.port, getLine('/')))
          assert.ok(
            ['gateway_error', 'request_rejected'].includes(code) && status >= 400,
            `${status} ${code}`,
          )
        } finally {
          await gateway.close()
          console.error = error
        }
      })
    }

    it('keeps the body below the bound that clients read, whatever the message', async () => {
      const gateway = await host.start({
        use: ({ problemDetails }) => [problemDetails()],
        handler: () => {
          throw Object.assign(new Error('m'.repeat(1e6)), { status: 400, expose: true })
        },
      })
      const { detail } = problemIn(await sendRaw(gateway.port, getLine('/')))
      await gateway.close()
      assert.match(detail, /^m{1000}…?$/)
    })

    it('sets each field once, whatever the case of its name in the error', async () => {
      const gateway = await host.start({
        use: ({ problemDetails }) => [problemDetails()],
        handler: () => {
          throw Object.assign(new Error('x'), {
            status: 400,
            headers: {
              vary: 'Origin',
              'x-content-type-options': 'sniff',
              etag: '"1"',
              'Content-Range': 'bytes 0-1/2',
              DATE: 'yesterday',
              'X-Own': 'kept',
            },
          })
        },
      })
      const { head } = await sendRaw(gateway.port, getLine('/'))
      await gateway.close()
      assert.equal(fieldOf(head, 'vary'), 'Origin, Accept')
      assert.equal(fieldOf(head, 'x-own'), 'kept')
      const names = [...head.matchAll(/^([\w-]+):/gm)].map(([, name]) => name?.toLowerCase())
      assert.equal(new Set(names).size, names.length, head)
      assert.doesNotMatch(head, /: sniff|etag|content-range|yesterday/i)
    })
  })

  describe(`${host.name}, a response that the proxy destroys`, () => {
    let upstream: Listening
    before(async () => {
      upstream = await listen(
        createServer((_req, res) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' })
          res.write('data: 1\n\n', () => res.socket?.resetAndDestroy())
        }),
      )
    })
    after(() => upstream.close())

    it('still gets its last event, on a stream of events', async () => {
      const proxy = (_req: IncomingMessage, res: ServerResponse) => {
        get(upstream.url, (answer) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' })
          answer.on('error', () => res.destroy()).pipe(res)
        }).on('error', () => res.destroy())
      }
      const gateway = await host.start({
        use: ({ problemDetails }) => [problemDetails()],
        handler: proxy,
      })
      const { body } = await sendRaw(gateway.port, getLine('/'))
      await gateway.close()
      assert.match(body, /event: error\r?\ndata: \{.*"code":"upstream_response_incomplete"/s)
    })
  })
}
