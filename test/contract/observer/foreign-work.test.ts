import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { dechunk, getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Call = (url: string, method: string, body: string) => Promise<string>

const type = 'application/json'

/** Clients whose body is whole, so that nothing shows whose it is but what they ask for. */
const clients: Record<string, Call> = {
  http: (url, method, body) =>
    new Promise((resolve, reject) => {
      const fields = body && { 'Content-Type': type, 'Content-Length': body.length }
      request(url, { method, agent: false, headers: { ...fields } }, (answer) => {
        if (answer.statusCode === 200) text(answer).then(resolve, reject)
        else reject(new Error('no'))
      })
        .on('error', reject)
        .end(body)
    }),
  fetch: async (url, method, body) => {
    const init = body && { body, headers: { 'Content-Type': type } }
    return (await fetch(url, { method, ...init })).text()
  },
}

const line = (method: string, path: string): string =>
  method === 'GET'
    ? getLine(path)
    : `${getLine(path, `Content-Type: ${type}`, 'Content-Length: 2').replace('GET', method)}{}`

/** One at a time; the next is started by the end of the one before, in its context. */
function limiter() {
  const queued: (() => Promise<void>)[] = []
  let busy = false
  const next = () => {
    const work = queued.shift()
    busy = work !== undefined
    void work?.().finally(next)
  }
  return <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      queued.push(() => work().then(resolve, reject))
      if (!busy) next()
    })
}

let mounted = 0

for (const host of hosts)
  describe(`${host.name}, work of one request that another one starts`, () => {
    let upstream: Listening
    let gateway: Listening
    let held: Map<string, ServerResponse>
    let codes: string[]
    let handlers: Record<string, (req: IncomingMessage, res: ServerResponse) => unknown>
    let open: Record<string, () => void>
    /** What a handler waits for until the test opens it. */
    const gate = (name: string) => new Promise<void>((resolve) => (open[name] = resolve))

    beforeEach(async () => {
      held = new Map()
      codes = []
      open = {}
      handlers = {}
      upstream = await listen(
        createServer((req, res) => {
          if (req.url === '/ok') res.end('ok')
          else held.set(req.url ?? '', res)
        }),
      )
    })
    afterEach(async () => {
      await gateway.close()
      await upstream.close()
    })

    const start = async (timeout = 5000) => {
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => [
          problemDetails({ onError: (error) => codes.push(error.code) }),
          circuitBreaker({ name: `foreign work ${mounted++}`, timeout, volumeThreshold: 1e6 }),
        ],
        handler: (req, res) => handlers[req.url ?? '']?.(req, res),
      })
    }
    const send = (method: string, path: string) => sendRaw(gateway.port, line(method, path))

    /** The work of the second request waits for that of the first, which then goes on. */
    const serve = (call: Call, method: string, hasCalled: boolean) => {
      const limit = limiter()
      const bodyOf = async (req: IncomingMessage) => (method === 'POST' ? text(req) : '')
      handlers['/first'] = async (req, res) => {
        const body = await bodyOf(req)
        if (hasCalled) await call(`${upstream.url}/ok`, method, body)
        await limit(() => gate('first'))
        await gate('answer')
        res.writeHead(500).end('own')
      }
      handlers['/second'] = async (req, res) => {
        const body = await bodyOf(req)
        try {
          const work = limit(() => call(`${upstream.url}/second`, method, body))
          open['queued']?.()
          res.end(await work)
        } catch {
          res.writeHead(502).end('bare')
        }
      }
    }

    for (const [name, call] of Object.entries(clients))
      for (const method of ['GET', 'POST'])
        for (const hasCalled of [false, true]) {
          const title = `${method} by ${name}${hasCalled ? ', which had a call' : ''}`

          it(`goes on when that one has left: ${title}`, async () => {
            serve(call, method, hasCalled)
            await start()
            const client = connect(gateway.port, '127.0.0.1').on('error', () => {})
            client.write(line(method, '/first'))
            await until(() => open['first'] !== undefined)
            const queued = gate('queued')
            const second = send(method, '/second')
            await queued
            open['first']?.()
            await until(() => held.has('/second'))
            client.destroy()
            await until(() => codes.includes('client_closed_request'))
            held.get('/second')?.end('for the second')
            assert.match((await second).body, /for the second/)
          })

          it(`explains its own failure, and not that one's: ${title}`, async () => {
            serve(call, method, hasCalled)
            await start()
            const first = send(method, '/first')
            await until(() => open['first'] !== undefined)
            const queued = gate('queued')
            const second = send(method, '/second')
            await queued
            open['first']?.()
            await until(() => held.has('/second'))
            held.get('/second')?.destroy()
            assert.equal(problemIn(await second).code, 'upstream_connection_lost')
            await until(() => open['answer'] !== undefined)
            open['answer']?.()
            const { status, body } = await first
            assert.deepEqual([status, dechunk(body).text], [500, 'own'])
          })
        }

    it('goes on when the deadline of that one passes', async () => {
      serve(clients['http'] as Call, 'POST', false)
      await start(300)
      const first = send('POST', '/first')
      await until(() => open['first'] !== undefined)
      await new Promise((resolve) => setTimeout(resolve, 150))
      const queued = gate('queued')
      const second = send('POST', '/second')
      await queued
      open['first']?.()
      assert.equal(problemIn(await first).code, 'upstream_timeout')
      held.get('/second')?.end('for the second')
      assert.match((await second).body, /for the second/)
    })

    it('is that of the one who makes it, where the other one makes a call of its own', async () => {
      const call = clients['fetch'] as Call
      handlers['/page'] = async (_req, res) => {
        await call(`${upstream.url}/users`, 'GET', '').catch(() => {})
        res.writeHead(500).end('bare')
      }
      handlers['/users'] = async (_req, res) => {
        await gate('users')
        res.end(await call(`${upstream.url}/ok`, 'GET', ''))
      }
      await start()
      const users = send('GET', '/users')
      await until(() => open['users'] !== undefined)
      const page = send('GET', '/page')
      await until(() => held.has('/users'))
      open['users']?.()
      assert.match((await users).body, /ok/)
      held.get('/users')?.destroy()
      assert.equal(problemIn(await page).code, 'upstream_connection_lost')
    })
  })
