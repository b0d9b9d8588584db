import assert from 'node:assert/strict'
import {
  type ClientRequest,
  createServer,
  get,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { text } from 'node:stream/consumers'
import axios from 'axios'
import { unobserved } from 'good-gateway'
import { Agent, fetch as undiciFetch, interceptors, request as undiciRequest } from 'undici'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Work = (url: string) => Promise<unknown>

const TIME = 40
const signal = () => AbortSignal.timeout(TIME)

/** A call of `http` that is read to its end. */
const reading =
  (change: (request: ClientRequest, answer: IncomingMessage) => void) => (url: string) =>
    new Promise((resolve, reject) => {
      const request = get(url, (answer) => {
        change(request, answer)
        text(answer).then(resolve, reject)
      }).on('error', reject)
    })

for (const host of hosts) {
  describe(`${host.name}, timeouts of the application's own`, () => {
    let upstream: Listening
    let mute: Listening
    let gateway: Listening
    let dispatcher: Agent
    let held: ServerResponse[]

    beforeEach(async () => {
      held = []
      dispatcher = new Agent({ connections: 1, pipelining: 1 })
      mute = await listen(createTcpServer((socket) => socket.on('error', () => {}).resume()))
      upstream = await listen(
        createServer((req, res) => {
          if (req.url === '/half') res.writeHead(200, { 'Content-Length': 10 }).write('half')
          else held.push(res)
        }),
      )
    })
    afterEach(async () => {
      await dispatcher.destroy()
      await gateway.close()
      await upstream.close()
      await mute.close()
    })

    /** A gateway that answers every failure of its call with a 502 of its own. */
    async function answerTo(work: Work): Promise<ReturnType<typeof sendRaw>> {
      gateway = await host.start({
        use: ({ problemDetails }) => [problemDetails()],
        handler: async (_req, res) => {
          try {
            await work(upstream.url)
            res.writeHead(200, { 'Content-Length': 4 }).end('done')
          } catch {
            res.writeHead(502, { 'Content-Length': 4 }).end('bare')
          }
        },
      })
      return sendRaw(gateway.port, getLine('/'))
    }

    /** Takes the one connection of the pool. */
    const occupy = () => {
      const first = unobserved(() => undiciRequest(upstream.url, { dispatcher }))
      first.catch(() => {})
      return until(() => held.length === 1)
    }

    const early: Record<string, Work> = {
      'while it looks for the address': () =>
        undiciFetch('http://upstream.test', {
          signal: signal(),
          dispatcher: new Agent({ connect: { lookup: () => {} } }),
        }),
      'in the handshake of TLS': () =>
        fetch(mute.url.replace('http:', 'https:'), { signal: signal() }),
      'in the same turn': (url) => {
        const controller = new AbortController()
        const call = fetch(url, { signal: controller.signal })
        controller.abort()
        return call
      },
      'while it waits for a connection of its pool': async (url) => {
        await occupy()
        return undiciFetch(url, { signal: signal(), dispatcher })
      },
      'behind an interceptor that repeats': async (url) => {
        await occupy()
        return undiciFetch(url, {
          signal: signal(),
          dispatcher: dispatcher.compose(interceptors.retry()),
        })
      },
    }
    for (const [name, work] of Object.entries(early))
      it(`is 504 where fetch is aborted before it has a connection: ${name}`, async () => {
        const answer = await answerTo(work)
        assert.equal(problemIn(answer).code, 'upstream_timeout')
      })

    it('is none where the application answers while its call waits for a connection', async () => {
      let call: Promise<string> | undefined
      const answer = await answerTo(async (url) => {
        await occupy()
        call = undiciFetch(url, { dispatcher }).then((each) => each.text())
        throw new Error('not now')
      })
      assert.deepEqual([answer.status, answer.body], [502, 'bare'])
      held[0]?.end()
      await until(() => held.length === 2)
      held[1]?.end('late')
      assert.equal(await call, 'late')
    })

    it('does not show where the next attempt succeeds', async () => {
      const answer = await answerTo(async (url) => {
        await occupy()
        await undiciFetch(url, { signal: signal(), dispatcher }).catch(() => {})
        held[0]?.end()
        const second = fetch(url)
        await until(() => held.length > 1)
        held.slice(1).forEach((each) => each.end('second'))
        await (await second).text()
      })
      assert.deepEqual([answer.status, answer.body], [200, 'done'])
    })

    const late: Record<string, Work> = {
      'of the request': reading((request) => request.setTimeout(TIME, () => request.destroy())),
      'of the response': reading((_, answer) =>
        answer.setTimeout(TIME, () => answer.destroy(new Error('too slow'))),
      ),
      'of a signal': (url) =>
        new Promise((resolve, reject) => {
          get(url, { signal: signal() }, (answer) => void text(answer).then(resolve, reject)).on(
            'error',
            reject,
          )
        }),
      'of axios': (url) => axios.get(url, { timeout: TIME, adapter: 'http' }),
      'of a signal for axios': (url) => axios.get(url, { signal: signal(), adapter: 'http' }),
      'of a signal for fetch': async (url) => (await fetch(url, { signal: signal() })).text(),
    }
    for (const [name, work] of Object.entries(late))
      it(`is 504 where the body of the upstream stands still: a timeout ${name}`, async () => {
        const answer = await answerTo((url) => work(`${url}/half`))
        assert.equal(problemIn(answer).code, 'upstream_timeout')
      })

    it('is none where the application needs no more of a body', async () => {
      const answer = await answerTo(async (url) => {
        await reading((_, response) => response.once('data', () => response.destroy()))(
          `${url}/half`,
        )
      })
      assert.deepEqual([answer.status, answer.body], [502, 'bare'])
    })
  })
}
