import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { circuitBreaker, type Problem, routes, validate } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts, type Setup } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { nobody } from '../../support/servers.js'

/** What the process is warned of while the work goes on. */
async function warningsDuring(work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = []
  const listener = ({ message }: Error) => void seen.push(message)
  process.on('warning', listener)
  await work().finally(() => setImmediate())
  process.off('warning', listener)
  return seen
}

const post =
  getLine('/', 'Content-Type: application/json', 'Content-Length: 7').replace('GET', 'POST') +
  '{"a":1}'
const readAll = async (req: IncomingMessage) => void (await once(req.resume(), 'end'))

// Each is explained once at each place where it was made.
const explained: Record<string, { setup: Setup; status: number; warning: RegExp }> = {
  'a body that was read before validate': {
    setup: {
      use: ({ problemDetails, validate: check, waits }) => [
        problemDetails(),
        waits(readAll),
        check({ body: {} }),
      ],
      handler: (_req, res) => res.end('ok'),
    },
    status: 500,
    warning: /mount validate before the body parser/,
  },
  'problemDetails mounted twice': {
    setup: {
      use: ({ problemDetails }) => [problemDetails(), problemDetails()],
      handler: (_req, res) => res.end('ok'),
    },
    status: 200,
    warning: /problemDetails is mounted twice/,
  },
  'problemDetails after the head is out': {
    setup: {
      use: ({ problemDetails, connect }) => [
        connect((_req, res, next) => {
          res.writeHead(200).write('begun')
          next()
        }),
        problemDetails(),
      ],
      handler: (_req, res) => res.end('ok'),
    },
    status: 200,
    warning: /problemDetails ran after the response had begun/,
  },
}

describe('mistakes', () => {
  for (const [title, { setup, status, warning }] of Object.entries(explained)) {
    it(`${title}: explained once where it was made, with the request, on every host`, async () => {
      const seen = await warningsDuring(async () => {
        for (const host of hosts) {
          const gateway = await host.start(setup)
          for (let round = 0; round < 2; round++) {
            assert.equal((await sendRaw(gateway.port, post)).status, status, host.name)
          }
          await gateway.close()
        }
      })
      const told = seen.filter((text) => warning.test(text) && text.includes('POST /'))
      assert.equal(told.length, hosts.length, seen.join('\n'))
    })
  }

  it('a second problemDetails changes nothing: the first one answers, once', async () => {
    for (const host of hosts) {
      const codes: string[] = []
      const options = {
        onError: (_error: Error, { problem }: { problem: Problem }) =>
          void codes.push(problem.code),
      }
      const forward = createForward()
      const gateway = await host.start({
        use: ({ problemDetails }) => [
          problemDetails(options),
          problemDetails({ ...options, format: 'openai' }),
        ],
        handler: (req, res) => forward(req, res, nobody.url),
      })
      const received = await sendRaw(gateway.port, getLine('/'))
      await gateway.close()
      assert.equal(problemIn(received).code, 'upstream_refused')
      assert.deepEqual(codes, ['upstream_refused'])
    }
  })

  it('a body schema on a GET route is refused at mount, with the route', () => {
    for (const key of ['GET /orders', 'HEAD /orders']) {
      assert.throws(() => routes({ [key]: validate({ body: {} }) }), {
        name: 'TypeError',
        message: new RegExp(`"${key}": validate\\(\\{ body \\}\\)`),
      })
    }
    routes({ 'GET /orders': validate({ query: {} }), '/any': validate({ body: {} }) })
  })

  it('two circuits of one name with different options are refused at mount', () => {
    const { breaker } = circuitBreaker({ name: 'two of one name', timeout: 100 })
    assert.throws(
      () => circuitBreaker({ name: 'two of one name', timeout: 200 }),
      /"two of one name" exists with other options/,
    )
    assert.equal(circuitBreaker({ name: 'two of one name', timeout: 100 }).breaker, breaker)
  })

  it('a schema that does not compile is refused at mount, with its part', () => {
    assert.throws(() => validate({ query: { type: 'strnig' } }), {
      name: 'TypeError',
      message: /query/,
    })
  })

  for (const host of hosts) {
    it(`${host.name}: a key that throws is reported, and the request is served`, async () => {
      const gateway = await host.start({
        use: (api) => [
          api.problemDetails(),
          api.circuitBreaker({
            name: `throwing key on ${host.name}`,
            key: () => {
              throw new Error('no tenant')
            },
          }),
        ],
        handler: (_req, res) => res.end('ok'),
      })
      const seen = await warningsDuring(async () => {
        assert.equal((await sendRaw(gateway.port, getLine('/'))).status, 200)
      })
      await gateway.close()
      assert.ok(
        seen.some((text) => /key of circuitBreaker .* threw: Error: no tenant/.test(text)),
        seen.join('\n'),
      )
    })
  }
})
