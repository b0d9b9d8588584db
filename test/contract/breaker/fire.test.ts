import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { breakers, type CircuitBreakerOptions, GatewayError } from 'good-gateway'
import * as connectApi from 'good-gateway'
import * as koaApi from 'good-gateway/koa'
import { request } from 'undici'
import { hosts, type Setup } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

for (const [host, { circuitBreaker }] of [
  ['Koa', koaApi],
  ['Connect', connectApi],
] as const) {
  describe(`.fire() of ${host}'s circuitBreaker`, () => {
    let upstream: Listening
    let waiting: ServerResponse[]
    let count = 0
    const name = () => `fired on ${host} ${count}`

    beforeEach(async () => {
      count++
      waiting = []
      upstream = await listen(
        createServer((req, res) => {
          const status = Number(req.url?.slice(1))
          if (status) res.writeHead(status, { 'Retry-After': '7' }).end()
          else waiting.push(res)
        }),
      )
    })
    afterEach(async () => {
      await upstream.close()
      breakers.get(name())?.release()
    })

    const breaker = (options: Partial<CircuitBreakerOptions> = {}) =>
      circuitBreaker({ name: name(), volumeThreshold: 1, ...options })
    type Fired = ReturnType<typeof breaker>
    const counts = ({ breaker: { stats } }: Fired) => [stats.successes, stats.failures]
    /** Rejects with a GatewayError of this code, and nothing else. */
    async function rejects(promise: Promise<unknown>, code: string) {
      const error = await promise.then(
        () => assert.fail('it resolved'),
        (reason: unknown) => reason,
      )
      assert.ok(GatewayError.is(error), String(error))
      assert.equal(error.code, code)
      return error
    }
    const hang = (signal: AbortSignal) => fetch(`${upstream.url}/hang`, { signal })

    it('resolves to the result of the call, and counts a success', async () => {
      const orders = breaker()
      assert.equal(await orders.fire(() => 'row'), 'row')
      const rows = await orders.fire(async () => [1, 2])
      assert.deepEqual(rows, [1, 2])
      assert.deepEqual(counts(orders), [2, 0])
    })

    for (const [client, call] of [
      ['fetch', (url: string): Promise<unknown> => fetch(url)],
      ['undici', (url: string): Promise<unknown> => request(url)],
    ] as const) {
      it(`counts a 500 of ${client} as a failure, and resolves to it`, async () => {
        const orders = breaker()
        await orders.fire(() => call(`${upstream.url}/500`))
        assert.deepEqual(counts(orders), [0, 1])
        const error = await rejects(
          orders.fire(() => 'row'),
          'circuit_open',
        )
        assert.equal(error.headers['Retry-After'], '10')
        assert.equal(error.options.upstream, name())
      })

      it(`waits as long as a 503 of ${client} asks for`, async () => {
        const orders = breaker()
        await orders.fire(() => call(`${upstream.url}/503`))
        const error = await rejects(
          orders.fire(() => 'row'),
          'circuit_open',
        )
        assert.equal(error.headers['Retry-After'], '7')
      })

      it(`counts a 404 of ${client} as a success`, async () => {
        const orders = breaker()
        await orders.fire(() => call(`${upstream.url}/404`))
        assert.deepEqual(counts(orders), [1, 0])
      })
    }

    it("counts an error with the status of an upstream's answer as that answer", async () => {
      const orders = breaker({ volumeThreshold: 10 })
      const like = (status: number) =>
        Promise.reject(Object.assign(new Error('axios'), { response: { status, headers: {} } }))
      await rejects(
        orders.fire(() => like(404)),
        'upstream_error',
      )
      await rejects(
        orders.fire(() => like(500)),
        'upstream_error',
      )
      assert.deepEqual(counts(orders), [1, 1])
    })

    it('rejects with the code of what broke the call, and its low-level error as cause', async () => {
      const orders = breaker()
      const error = await rejects(
        orders.fire((signal) => fetch(nobody.url, { signal })),
        'upstream_refused',
      )
      assert.match(String(error.cause), /fetch failed/)
      assert.match(error.message, new RegExp(name()))
      assert.deepEqual(counts(orders), [0, 1])
    })

    it('counts an unknown error as a failure, and a defect of the application not at all', async () => {
      const orders = breaker({ volumeThreshold: 10 })
      await rejects(
        orders.fire(() => Promise.reject(new Error('deadlock'))),
        'upstream_error',
      )
      await rejects(
        orders.fire(() => {
          throw new TypeError('x is not a function')
        }),
        'gateway_error',
      )
      assert.deepEqual(counts(orders), [0, 1])
    })

    it('aborts its own call at the timeout, and no other', async () => {
      const orders = breaker({ timeout: 100, volumeThreshold: 10 })
      const patient = breaker({ timeout: 100, volumeThreshold: 10 }).fire
      const late = rejects(orders.fire(hang), 'upstream_timeout')
      await until(() => waiting.length === 1)
      let aborted = false
      const later = Date.now() + 50
      await until(() => Date.now() >= later)
      const other = patient((signal) => {
        signal.addEventListener('abort', () => (aborted = true))
        return hang(signal)
      })
      await late
      await until(() => waiting.length === 2)
      await until(() => waiting[0]?.closed === true)
      assert.equal(aborted, false)
      waiting[1]?.end('ok')
      assert.equal((await other).status, 200)
      assert.deepEqual(counts(orders), [1, 1])
    })

    it('does not wait for a call that ignores its signal', async () => {
      const orders = breaker({ timeout: 20 })
      await rejects(
        orders.fire(() => new Promise(() => {})),
        'upstream_timeout',
      )
      assert.deepEqual(counts(orders), [0, 1])
    })

    it('counts a call that the caller aborts as neither success nor failure', async () => {
      const orders = breaker()
      const caller = new AbortController()
      const call = orders.fire((signal) => hang(AbortSignal.any([signal, caller.signal])))
      await until(() => waiting.length === 1)
      caller.abort()
      await rejects(call, 'client_closed_request')
      assert.deepEqual(counts(orders), [0, 0])
    })

    const trapped = (key: string, target: object = new Error('trapped')) =>
      Object.defineProperty(target, key, {
        get() {
          throw new Error('a trap')
        },
      })
    for (const [title, thrown] of [
      ['response cannot be read', trapped('response')],
      [
        'response has headers that cannot be read',
        { response: trapped('headers', { status: 500 }) },
      ],
      ['name cannot be read', trapped('name')],
    ] as const) {
      it(`rejects with its own error, and frees its place in the capacity, after an error whose ${title}`, async () => {
        const orders = breaker({ capacity: 1, volumeThreshold: 10 })
        for (let round = 0; round < 2; round++) {
          await rejects(
            orders.fire(() => Promise.reject(thrown as Error)),
            'upstream_error',
          )
        }
        assert.deepEqual(counts(orders), [0, 2])
      })
    }

    it('resolves to a value whose headers cannot be read, and frees its place in the capacity', async () => {
      const orders = breaker({ capacity: 1 })
      const row = trapped('headers', { status: 500 })
      for (let round = 0; round < 2; round++) assert.equal(await orders.fire(() => row), row)
      assert.deepEqual(counts(orders), [2, 0])
    })

    it('counts a timeout of the caller as a failure', async () => {
      const orders = breaker()
      await rejects(
        orders.fire(() => fetch(`${upstream.url}/hang`, { signal: AbortSignal.timeout(20) })),
        'upstream_timeout',
      )
      assert.deepEqual(counts(orders), [0, 1])
    })

    it('refuses calls above its capacity without counting a failure, and frees the place of a call that has ended', async () => {
      const orders = breaker({ capacity: 1 })
      const first = orders.fire(hang)
      await until(() => waiting.length === 1)
      const error = await rejects(orders.fire(hang), 'concurrency_limit')
      assert.equal(error.headers['Retry-After'], '1')
      waiting[0]?.end()
      await first
      assert.equal(await orders.fire(() => 'free'), 'free')
      assert.deepEqual(counts(orders), [2, 0])
    })

    it('lets one call probe a half-open circuit, which an aborted probe neither closes nor blocks', async () => {
      const orders = breaker({ resetTimeout: 20 })
      await orders.fire(() => fetch(`${upstream.url}/500`))
      await once(orders.breaker, 'halfOpen')
      const caller = new AbortController()
      const probe = orders.fire((signal) => hang(AbortSignal.any([signal, caller.signal])))
      await rejects(
        orders.fire(() => 'row'),
        'circuit_open',
      )
      await until(() => waiting.length === 1)
      caller.abort()
      await rejects(probe, 'client_closed_request')
      assert.equal(orders.breaker.halfOpen, true)
      assert.equal(await orders.fire(() => 'row'), 'row')
      await until(() => orders.breaker.closed)
    })

    it('asks isFailure for the verdict, and goes on when it throws', async () => {
      const orders = breaker({
        volumeThreshold: 10,
        isFailure: ({ status, code }) => {
          if (status === 404) throw new Error('a defect')
          return code === 'upstream_error'
        },
      })
      await orders.fire(() => fetch(`${upstream.url}/500`))
      await rejects(
        orders.fire(() => Promise.reject(new Error('deadlock'))),
        'upstream_error',
      )
      await orders.fire(() => fetch(`${upstream.url}/404`))
      assert.deepEqual(counts(orders), [2, 1])
    })
  })
}

for (const host of hosts) {
  describe(`${host.name}, .fire() inside of a request`, () => {
    const key = ({ req }: connectApi.Exchange) => String(req.url).slice(1)
    let upstream: Listening
    let gateway: Listening
    let call: ServerResponse | undefined
    let handle: Setup['handler']
    const name = `fired inside of ${host.name}`

    beforeEach(async () => {
      call = undefined
      handle = hand
      upstream = await listen(createServer((_req, res) => void (call = res)))
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => {
          orders = circuitBreaker({ name, key, volumeThreshold: 1 })
          return [problemDetails({ onError: ({ code }) => codes.push(code) })]
        },
        handler: (req, res) => handle(req, res),
      })
    })
    const hand: Setup['handler'] = async (_req, res) => {
      const text = await orders.fire(
        (signal) =>
          new Promise<number>((resolve, reject) => {
            get(upstream.url, { signal }, ({ statusCode = 0 }) => resolve(statusCode)).on(
              'error',
              reject,
            )
          }),
      )
      res.end(String(text))
    }
    let orders: Pick<connectApi.ConnectCircuitBreaker, 'breaker' | 'fire'>
    let codes: string[] = []
    afterEach(async () => {
      codes = []
      await gateway.close()
      await upstream.close()
      for (const entry of breakers.list()) if (entry.name === name) entry.release()
    })

    it('answers the error that it rejects with, from the circuit of the request', async () => {
      const failing = sendRaw(gateway.port, getLine('/tenant'))
      await until(() => call !== undefined)
      call?.socket?.resetAndDestroy()
      const problem = problemIn(await failing)
      assert.equal(problem.code, 'upstream_connection_lost')
      assert.deepEqual(problem.upstream, { name })
      assert.equal(problemIn(await sendRaw(gateway.port, getLine('/tenant'))).code, 'circuit_open')
      assert.equal(breakers.get(name, 'tenant')?.state, 'open')
    })

    it('aborts the call of a client that leaves, and counts it as neither success nor failure', async () => {
      const client = connect(gateway.port, '127.0.0.1')
      client.write(getLine('/left'))
      await until(() => call !== undefined)
      client.destroy()
      await until(() => call?.closed === true)
      await until(() => codes.length === 1)
      assert.deepEqual(codes, ['client_closed_request'])
      assert.equal(breakers.get(name, 'left')?.state, 'closed')
    })

    it('rejects once the client has left, without a call, and counts nothing', async () => {
      let called = false
      let fired: Promise<unknown> | undefined
      const client = connect(gateway.port, '127.0.0.1')
      handle = async (_req, res) => {
        client.destroy()
        await once(res, 'close')
        fired = orders.fire(() => (called = true))
        await fired
      }
      client.write(getLine('/'))
      await until(() => fired !== undefined)
      await assert.rejects(fired as Promise<unknown>, { code: 'client_closed_request' })
      assert.equal(called, false)
      assert.equal(orders.breaker.stats.fires, 0)
    })

    it('answers 504 to a connected client when the application aborts its call', async () => {
      const own = new AbortController()
      handle = () =>
        orders.fire((signal) =>
          fetch(upstream.url, { signal: AbortSignal.any([signal, own.signal]) }),
        )
      const aborted = sendRaw(gateway.port, getLine('/'))
      await until(() => call !== undefined)
      own.abort()
      const problem = problemIn(await aborted)
      assert.deepEqual([problem.status, problem.code], [504, 'upstream_timeout'])
    })
  })
}
