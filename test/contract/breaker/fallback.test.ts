import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import {
  breakers,
  circuitBreaker,
  type ConnectCircuitBreaker,
  type Exchange,
  type GatewayError,
  listener,
  problemDetails,
} from 'good-gateway'
import { createForward, createOwn } from '../../../docs/sample-proxy/forward.js'
import { hosts, type Setup } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

type Handler = Setup['handler']

for (const host of hosts) {
  describe(`${host.name}, a fallback`, () => {
    const name = `fallback on ${host.name}`
    let upstream: Listening
    let gone: string
    let gateway: Listening
    let waiting: ServerResponse[] = []
    let told: string[] = []
    let reported: string[] = []
    const forward = createForward()
    const ofPackage = createOwn()

    before(async () => {
      gone = nobody.url
    })

    beforeEach(async () => {
      ;[waiting, told, reported] = [[], [], []]
      upstream = await listen(
        createServer((req, res) => {
          if (req.url === '/hang') waiting.push(res)
          else if (req.url === '/reset') res.socket?.resetAndDestroy()
          else if (req.url === '/dies') res.write('half', () => res.destroy())
          else if (req.url === '/500') res.writeHead(500).end('its own')
          else res.end('from the upstream')
        }),
      )
    })

    afterEach(async () => {
      await gateway.close()
      await upstream.close()
      breakers.get(name)?.release()
    })

    const cached = async ({ res }: Exchange) => {
      await Promise.resolve()
      res.setHeader('X-From', 'cache')
      res.end('from the cache')
    }

    let mounted = 0
    let circuit: Pick<ConnectCircuitBreaker, 'breaker'>
    async function start(
      fallback: (exchange: Exchange, error: GatewayError) => unknown = cached,
      handler: Handler = (req, res) => forward(req, res, upstream.url),
      guarded = true,
    ) {
      gateway = await host.start({
        use: (api) => {
          const breaker = api.circuitBreaker({
            name: `${name} ${mounted++}`,
            timeout: 100,
            capacity: 2,
            fallback: (exchange, error) => {
              told.push(error.code)
              return fallback(exchange, error)
            },
          })
          circuit = breaker
          const details = api.problemDetails({ onError: ({ code }) => reported.push(code) })
          return guarded ? [details, breaker] : [breaker]
        },
        handler,
      })
    }
    const entry = () => breakers.get(`${name} ${mounted - 1}`)
    const send = (path = '/') => sendRaw(gateway.port, getLine(path))

    function assertCached(received: Awaited<ReturnType<typeof send>>) {
      assert.equal(received.status, 200)
      const chunked = fieldOf(received.head, 'transfer-encoding') === 'chunked'
      assert.equal(chunked ? dechunk(received.body).text : received.body, 'from the cache')
      assert.equal(fieldOf(received.head, 'x-from'), 'cache')
      assert.equal(fieldOf(received.head, 'proxy-status'), undefined)
    }

    for (const guarded of [true, false]) {
      const how = guarded ? '' : ', without problemDetails'

      it(`answers where the circuit is open${how}`, async () => {
        await start(cached, undefined, guarded)
        entry()?.open()
        assertCached(await send())
        assert.deepEqual(told, ['circuit_open'])
        assert.equal(upstream.connections(), 0)
        assert.deepEqual(reported, [])
      })

      it(`answers a timeout, and the call is aborted${how}`, async () => {
        await start(cached, undefined, guarded)
        assertCached(await send('/hang'))
        assert.deepEqual(told, ['upstream_timeout'])
        await until(() => waiting[0]?.closed === true)
      })

      it(`answers a failed call that the proxy answered with a 5xx${how}`, async () => {
        await start(cached, (req, res) => forward(req, res, gone), guarded)
        assertCached(await send())
        assert.deepEqual(told, ['upstream_refused'])
        assert.equal(entry()?.state, 'closed')
      })

      it(`answers a failed call that was thrown${how}`, async () => {
        await start(
          cached,
          async () => {
            await fetch(gone)
          },
          guarded,
        )
        assertCached(await send())
        assert.deepEqual(told, ['upstream_refused'])
      })
    }

    it('answers where the circuit is full', async () => {
      await start()
      const full = [send('/hang'), send('/hang')]
      await until(() => waiting.length === 2)
      assertCached(await send())
      assert.equal(told[0], 'concurrency_limit')
      for (const received of await Promise.all(full)) assertCached(received)
    })

    it('frees its place in the circuit while it answers', async () => {
      const finish: (() => void)[] = []
      await start(async ({ res }) => {
        await new Promise<void>((resolve) => finish.push(resolve))
        res.end('late')
      })
      const late = [send('/reset'), send('/reset')]
      await until(() => told.length === 2)
      assert.equal((await send()).body, 'from the upstream')
      for (const go of finish) go()
      for (const received of await Promise.all(late)) assert.equal(received.body, 'late')
    })

    it('is not mixed with what the application still writes', async () => {
      await start(
        async ({ res }) => {
          await until(() => late)
          res.writeHead(203, { 'X-From': 'fallback' })
          res.write('one ')
          res.end('two')
        },
        (_req, res) => {
          get(gone).once('error', () => {
            res.setHeader('Content-Length', '5')
            res.setHeader('ETag', '"1"')
            res.writeHead(502)
            setImmediate(() => {
              res.statusCode = 418
              res.statusMessage = 'Teapot'
              res.setHeader('X-From', 'application')
              res.end('noise')
              res.destroy()
              late = true
            })
          })
        },
      )
      let late = false
      const received = await send()
      assert.match(received.head, /^HTTP\/1\.1 203 Non-Authoritative Information\r$/m)
      assert.equal(fieldOf(received.head, 'x-from'), 'fallback')
      assert.equal(fieldOf(received.head, 'etag'), undefined)
      assert.deepEqual(dechunk(received.body), { text: 'one two', whole: true })
    })

    it('may answer with an error of its own, which is not replaced', async () => {
      await start(
        ({ res }) => {
          res.statusCode = 503
          res.end('{"own":true}')
        },
        (req, res) => forward(req, res, gone),
      )
      const received = await send()
      assert.deepEqual([received.status, received.body], [503, '{"own":true}'])
    })

    it('may call another handler, whose call is neither aborted nor counted', async () => {
      await start(
        ({ req, res }) => forward(Object.assign(req, { url: '/hang' }), res, upstream.url),
        (req, res) => forward(req, res, gone),
      )
      const answer = send()
      await until(() => waiting.length === 1)
      // Longer than the timeout of the circuit: its timers must not touch this call.
      const later = Date.now() + 250
      await until(() => Date.now() > later)
      waiting[0]?.end('from the backup')
      const received = await answer
      assert.equal(received.status, 200)
      assert.match(received.body, /from the backup/)
      assert.equal(entry()?.state, 'closed')
    })

    for (const [title, fallback] of [
      [
        'throws',
        () => {
          throw new Error('no cache')
        },
      ],
      ['rejects', () => Promise.reject(new Error('no cache'))],
      ['calls a handler that fails too', ({ req, res }: Exchange) => forward(req, res, gone)],
      ['calls a forward that fails too', ({ req, res }: Exchange) => ofPackage(req, res, gone)],
    ] as const) {
      it(`that ${title} leaves the client the standard body of the first error`, async () => {
        await start(fallback)
        entry()?.open()
        const problem = problemIn(await send())
        assert.equal(problem.code, 'circuit_open')
        assert.equal(problem.retryable, true)
        assert.deepEqual(reported, ['circuit_open'])
      })
    }

    it('that throws the error it was given causes no warning, but one that throws another error does', async () => {
      const warned = once(process, 'warning') as Promise<[Error]>
      let own: Error | undefined
      await start((_exchange, error) => {
        throw own ?? error
      })
      entry()?.open()
      assert.equal(problemIn(await send()).code, 'circuit_open')
      own = new Error('cache is down')
      assert.equal(problemIn(await send()).code, 'circuit_open')
      const [{ message }] = await warned
      assert.equal(message, 'good-gateway: fallback threw: Error: cache is down')
    })

    it('that throws after a timeout leaves the client the standard body of the timeout', async () => {
      await start(() => Promise.reject(new Error('no cache')))
      assert.equal(problemIn(await send('/hang')).code, 'upstream_timeout')
    })

    it('that throws without problemDetails leaves the client the status of the first error', async () => {
      await start(
        () => {
          throw new Error('no cache')
        },
        undefined,
        false,
      )
      entry()?.open()
      const received = await send()
      assert.equal(received.status, 503)
      assert.equal(fieldOf(received.head, 'retry-after'), '300')
    })

    it('that proxies a stream which dies is cut like any other', async () => {
      await start(({ req, res }) =>
        forward(Object.assign(req, { url: '/dies' }), res, upstream.url),
      )
      entry()?.open()
      const received = await send()
      assert.equal(received.status, 200)
      assert.deepEqual(dechunk(received.body), { text: 'half', whole: false })
    })

    it('is not called for what is not a failure of an upstream', async () => {
      await start(cached, (req, res) => {
        if (req.url === '/bug') throw new TypeError('a defect')
        forward(req, res, upstream.url)
      })
      assert.deepEqual((await send('/500')).body.includes('its own'), true)
      const defect = await send('/bug')
      assert.equal(defect.status, 500)
      // polka answers errors in its own words.
      if (host.name !== 'polka') assert.equal(problemIn(defect).code, 'gateway_error')
      assert.deepEqual(told, [])
    })

    it('is not called when the head is already out, and nothing is appended', async () => {
      await start()
      const received = await send('/dies')
      assert.deepEqual(dechunk(received.body), { text: 'half', whole: false })
      assert.deepEqual(told, [])
    })

    it('reports the failure to the circuit once', async () => {
      await start()
      assertCached(await send('/reset'))
      assertCached(await send('/hang'))
      await until(() => circuit.breaker.stats.failures === 2)
      assert.equal(circuit.breaker.stats.fires, 2)
    })
  })
}

describe('a fallback over HTTP/2', () => {
  it('answers where the circuit is open, and a call that timed out', async () => {
    const upstream = await listen(createServer(() => {}))
    const name = 'fallback over HTTP/2'
    const circuit = circuitBreaker({
      name,
      timeout: 50,
      fallback: async ({ res }, { code }) => {
        await Promise.resolve()
        res.statusCode = 203
        res.setHeader('x-from', 'cache')
        res.end(code)
      },
    })
    const guarded = listener(problemDetails(), circuit, (_req, res) => {
      get(upstream.url).once('error', () => res.writeHead(500).end('noise'))
    })
    const gateway = await listen(createHttp2Server(guarded as never))
    const session = connectHttp2(gateway.url)
    const ask = async () => {
      const stream = session.request({ ':path': '/' })
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
      return [
        head[':status'],
        head['x-from'],
        await stream.setEncoding('utf8').reduce((a, b) => a + b, ''),
      ]
    }
    assert.deepEqual(await ask(), [203, 'cache', 'upstream_timeout'])
    breakers.get(name)?.open()
    assert.deepEqual(await ask(), [203, 'cache', 'circuit_open'])
    session.close()
    await gateway.close()
    await upstream.close()
    breakers.get(name)?.release()
  })
})
