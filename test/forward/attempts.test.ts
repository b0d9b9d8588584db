import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import {
  breakers,
  circuitBreaker,
  type ErrorInfo,
  forward,
  type ForwardOptions,
  listener,
  problemDetails,
  type Transform,
} from 'good-gateway'
import { problemIn } from '../support/problem.js'
import { type Received, sendRaw } from '../support/raw-client.js'
import { type Listening, listen, nobody } from '../support/servers.js'
import { until } from '../support/until.js'

type Act = (
  req: IncomingMessage,
  res: Parameters<RequestListener>[1],
  body: string,
  nth: number,
) => void

interface Upstream extends Listening {
  readonly seen: { method: string; body: string; headers: IncomingMessage['headers'] }[]
}

async function startUpstream(act: Act): Promise<Upstream> {
  const seen: Upstream['seen'] = []
  const server = createServer((req, res) => {
    let body = ''
    req.setEncoding('latin1').on('data', (part: string) => (body += part))
    req.on('end', () => {
      seen.push({ method: req.method ?? '', body, headers: req.headers })
      act(req, res, body, seen.length)
    })
  })
  return { ...(await listen(server)), seen }
}

const status =
  (...statuses: number[]): Act =>
  (_req, res, _body, nth) => {
    const code = statuses[nth - 1] ?? statuses.at(-1) ?? 200
    res.writeHead(code).end(`answer ${nth}`)
  }
const reset: Act = (req) => void req.socket.resetAndDestroy()

let number = 0

describe('the attempts of forward', () => {
  const running: { close(): Promise<unknown> }[] = []
  let infos: ErrorInfo[] = []

  afterEach(async () => {
    for (const each of running.splice(0).toReversed()) await each.close()
    breakers.releaseAll()
    infos = []
  })

  async function upstreamOf(act: Act): Promise<Upstream> {
    const upstream = await startUpstream(act)
    running.push(upstream)
    return upstream
  }

  async function gatewayOf(
    options: ForwardOptions,
    ...middlewares: ReturnType<typeof circuitBreaker>[]
  ): Promise<Listening> {
    const proxy = forward(options)
    const gateway = await listen(
      createServer(
        listener(
          problemDetails({ onError: (_error, info) => void infos.push(info) }),
          ...middlewares,
          proxy,
        ),
      ),
    )
    running.push(proxy, gateway)
    return gateway
  }

  const ask = (
    { port }: Listening,
    method = 'GET',
    { body = '', fields = [] as string[] } = {},
  ): Promise<Received> =>
    sendRaw(
      port,
      [
        `${method} /orders HTTP/1.1`,
        'Host: gateway',
        'Connection: close',
        ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
        ...fields,
        '',
        body,
      ].join('\r\n'),
    )

  describe('to one target', () => {
    it('are one by default', async () => {
      const upstream = await upstreamOf(status(503, 200))
      const answer = await ask(await gatewayOf({ target: upstream.url }))
      assert.equal(answer.status, 503)
      assert.equal(upstream.seen.length, 1)
    })

    it('are more after an answer or a reset, for methods that may be repeated', async () => {
      for (const first of [
        status(503, 502, 200),
        ((req, res, body, nth) => (nth < 3 ? reset : status(200))(req, res, body, nth)) as Act,
      ]) {
        const upstream = await upstreamOf(first)
        const answer = await ask(await gatewayOf({ target: upstream.url, retries: 2 }), 'PUT', {
          body: 'abc',
        })
        assert.equal(answer.status, 200)
        assert.match(answer.body, /answer 3/)
        assert.deepEqual(
          upstream.seen.map(({ body }) => body),
          ['abc', 'abc', 'abc'],
        )
      }
    })

    it('end with the last answer as it is', async () => {
      const upstream = await upstreamOf(status(503))
      const answer = await ask(await gatewayOf({ target: upstream.url, retries: 2 }))
      assert.equal(answer.status, 503)
      assert.match(answer.body, /answer 3/)
    })

    it('are one for a POST that was sent, unless it is said to be repeatable', async () => {
      for (const [options, fields, times] of [
        [{}, [], 1],
        [{}, ['Idempotency-Key: 1'], 2],
        [{ repeatable: true }, [], 2],
      ] as const) {
        const upstream = await upstreamOf(status(503, 200))
        const gateway = await gatewayOf({ target: upstream.url, retries: 1, ...options })
        await ask(gateway, 'POST', { body: '{}', fields: [...fields] })
        assert.equal(upstream.seen.length, times)
      }
    })

    it('are more for a POST of which nothing was sent', async () => {
      const gateway = await gatewayOf({ target: nobody.url, retries: 1 })
      const answer = await ask(gateway, 'POST', { body: '{}' })
      assert.equal(problemIn(answer).code, 'upstream_refused')
      assert.deepEqual(
        infos[0]?.attempts?.map(({ code }) => code),
        ['upstream_refused', 'upstream_refused'],
      )
    })

    it('are one for a body that is larger than what is kept', async () => {
      const upstream = await upstreamOf(status(503, 200))
      const gateway = await gatewayOf({ target: upstream.url, retries: 1, bufferLimit: 100 })
      const answer = await ask(gateway, 'PUT', { body: 'x'.repeat(101) })
      assert.equal(answer.status, 503)
      assert.equal(upstream.seen.length, 1)
    })

    it('wait for as long as the upstream asks, where that is short', async () => {
      const upstream = await upstreamOf((_req, res, _body, nth) => {
        if (nth > 1) res.end('ok')
        else res.writeHead(503, { 'Retry-After': '1' }).end()
      })
      const startedAt = performance.now()
      const answer = await ask(await gatewayOf({ target: upstream.url, retries: 1 }))
      assert.equal(answer.status, 200)
      assert.ok(performance.now() - startedAt > 950)
    })

    it('are one where the circuit around them has opened before the answer', async () => {
      const name = `attempts ${number++}`
      const upstream = await upstreamOf((_req, res) => {
        breakers.get(name)?.open()
        res.writeHead(503).end('its own')
      })
      const options = { target: upstream.url, retries: 2 }
      const gateway = await gatewayOf(options, circuitBreaker({ name }))
      const answer = await ask(gateway)
      assert.deepEqual([answer.status, answer.body.includes('its own')], [503, true])
      assert.equal(upstream.seen.length, 1)
    })

    it('do not go on where the circuit around them opens during the wait', async () => {
      const name = `attempts ${number++}`
      const upstream = await upstreamOf((_req, res) => {
        res.writeHead(503, { 'Retry-After': '1' }).end()
      })
      const options = { target: upstream.url, retries: 2 }
      const gateway = await gatewayOf(options, circuitBreaker({ name }))
      const open = () => void breakers.get(name)?.open()
      subscribe('good-gateway:call:end', open)
      const problem = problemIn(await ask(gateway))
      unsubscribe('good-gateway:call:end', open)
      assert.deepEqual([problem.code, problem.upstream], ['circuit_open', { name }])
      assert.equal(upstream.seen.length, 1)
    })

    it('are no more than a fifth of the requests, and ten in ten seconds', async () => {
      const upstream = await upstreamOf(status(503))
      const gateway = await gatewayOf({ target: upstream.url, retries: 1 })
      for (let at = 0; at < 100; at += 20)
        await Promise.all(Array.from({ length: 20 }, () => ask(gateway)))
      assert.ok(
        upstream.seen.length >= 110 && upstream.seen.length <= 122,
        `${upstream.seen.length}`,
      )
    })

    it('end when the client has left', async () => {
      let wasClosed = false
      const upstream = await upstreamOf((_req, res) => {
        res.on('close', () => (wasClosed = true))
        setImmediate(() => gateway.close())
      })
      const gateway = await gatewayOf({ target: upstream.url, retries: 5 })
      await ask(gateway).catch(() => {})
      await until(() => wasClosed)
      assert.equal(upstream.seen.length, 1)
    })

    it('make up for an idle connection that the upstream closes just then, and count it for no circuit', async () => {
      const upstream = await upstreamOf((req, res, _body, nth) => {
        if (nth === 2) req.socket.resetAndDestroy()
        else res.end('ok')
      })
      const name = `stale ${++number}`
      const breaker = circuitBreaker({ name, consecutiveFailures: 1 })
      const gateway = await gatewayOf({ target: upstream.url }, breaker)
      assert.equal((await ask(gateway)).status, 200)
      assert.equal((await ask(gateway)).status, 200)
      assert.equal(upstream.seen.length, 3)
      assert.equal(breakers.get(name)?.state, 'closed')
      // A new connection that is lost is a failure.
      const other = await upstreamOf(reset)
      assert.equal((await ask(await gatewayOf({ target: other.url }))).status, 502)
      assert.equal(other.seen.length, 1)
    })
  })

  describe('to several targets', () => {
    const named = (...targets: string[]): ForwardOptions['targets'] =>
      targets.map((target, at) => ({ name: `t${++number}-${at}`, target }))

    it('go on to the next after a failure and after its statuses', async () => {
      for (const act of [reset, status(500), status(429), status(529)]) {
        const [first, second] = [await upstreamOf(act), await upstreamOf(status(200))]
        const gateway = await gatewayOf({
          targets: named(first.url, second.url) ?? [],
          repeatable: true,
        })
        const answer = await ask(gateway, 'POST', { body: '{}' })
        assert.equal(answer.status, 200)
        assert.equal(first.seen.length, 1)
        assert.deepEqual(
          second.seen.map(({ body }) => body),
          ['{}'],
        )
      }
    })

    it('stay at the first after any other status', async () => {
      for (const code of [404, 400, 501]) {
        const [first, second] = [await upstreamOf(status(code)), await upstreamOf(status(200))]
        const answer = await ask(await gatewayOf({ targets: named(first.url, second.url) ?? [] }))
        assert.equal(answer.status, code)
        assert.equal(second.seen.length, 0)
      }
    })

    it('answer with the last failure, and name its target', async () => {
      const first = await upstreamOf(status(503))
      const targets = named(first.url, nobody.url) ?? []
      const answer = await ask(await gatewayOf({ targets }))
      assert.equal(problemIn(answer).code, 'upstream_refused')
      assert.deepEqual(problemIn(answer).upstream, { name: targets[1]?.name })
      assert.deepEqual(
        infos[0]?.attempts?.map(({ upstream, status: code, code: why }) => [upstream, code, why]),
        [
          [targets[0]?.name, 503, undefined],
          [targets[1]?.name, undefined, 'upstream_refused'],
        ],
      )
    })

    it('send each target its own fields in place of those of the client', async () => {
      const [first, second] = [await upstreamOf(status(503)), await upstreamOf(status(200))]
      const gateway = await gatewayOf({
        targets: [
          { name: `a${++number}`, target: first.url, headers: { authorization: 'Bearer one' } },
          {
            name: `b${number}`,
            target: second.url,
            headers: { authorization: null, 'x-api-key': 'two' },
          },
        ],
      })
      await ask(gateway, 'GET', { fields: ['Authorization: Bearer mine'] })
      assert.equal(first.seen[0]?.headers.authorization, 'Bearer one')
      assert.equal(second.seen[0]?.headers.authorization, undefined)
      assert.equal(second.seen[0]?.headers['x-api-key'], 'two')
    })

    it('leave out a target whose circuit is open, and answer where all are', async () => {
      const [first, second] = [await upstreamOf(status(500)), await upstreamOf(status(200, 500))]
      const circuit = { consecutiveFailures: 1 }
      const targets = (named(first.url, second.url) ?? []).map((each) => ({ ...each, circuit }))
      const gateway = await gatewayOf({ targets })
      assert.equal((await ask(gateway)).status, 200)
      assert.equal(breakers.get(targets[0]?.name ?? '')?.state, 'open')
      assert.equal((await ask(gateway)).status, 500)
      assert.equal(first.seen.length, 1)
      const refused = problemIn(await ask(gateway))
      assert.equal(refused.code, 'circuit_open')
      assert.deepEqual(refused.upstream, { name: targets[1]?.name })
      assert.equal(second.seen.length, 2)
    })

    it('give each target its own time', async () => {
      const [first, second] = [await upstreamOf(() => {}), await upstreamOf(status(200))]
      const gateway = await gatewayOf({
        targets: [
          {
            name: `slow ${++number}`,
            target: first.url,
            timeout: 100,
            circuit: { consecutiveFailures: 1 },
          },
          { name: `quick ${number}`, target: second.url },
        ],
      })
      assert.equal((await ask(gateway)).status, 200)
      assert.equal(breakers.get(`slow ${number}`)?.state, 'open')
    })

    it('change the request and the response for each target alone', async () => {
      const [first, second] = [
        await upstreamOf(status(503)),
        await upstreamOf((_req, res, body) => {
          res.setHeader('Content-Type', 'application/json')
          res.end(JSON.stringify({ got: JSON.parse(body), internal: 1 }))
        }),
      ]
      const gateway = await gatewayOf({
        repeatable: true,
        targets: [
          { name: `own ${++number}`, target: first.url },
          {
            name: `other ${number}`,
            target: second.url,
            headers: { 'x-api-key': 'two' },
            transform: {
              request: (request) => ({
                path: '/v2',
                headers: { authorization: null, 'x-api-key': 'wrong' },
                body: { messages: (request.json() as { m: unknown }).m },
              }),
              response: (response) => ({
                body: { from: 'two', ...(response.json() as { got: object }).got },
              }),
            },
          },
        ],
      })
      const fields = ['Authorization: Bearer mine', 'Content-Type: application/json']
      const answer = await ask(gateway, 'POST', { body: '{"m":[1]}', fields })
      assert.deepEqual(JSON.parse(answer.body), { from: 'two', messages: [1] })
      assert.equal(first.seen[0]?.body, '{"m":[1]}')
      assert.equal(first.seen[0]?.headers.authorization, 'Bearer mine')
      assert.equal(second.seen[0]?.body, '{"messages":[1]}')
      assert.equal(second.seen[0]?.headers.authorization, undefined)
      assert.equal(second.seen[0]?.headers['x-api-key'], 'two')
    })

    it('change the events of a stream', async () => {
      const upstream = await upstreamOf(stream('data: 1\n\n', 'data: 2\n\n'))
      const transform: Transform = {
        events: () => ({
          push: ({ data }) => [{ data: `${data}!` }],
          end: () => [{ data: 'end' }],
        }),
      }
      const targets = [{ name: `events ${++number}`, target: upstream.url, transform }]
      const answer = await ask(await gatewayOf({ targets }))
      assert.match(answer.body, /data: 1!\n\n[^]*data: 2!\n\n[^]*data: end\n\n/)
    })

    const stream =
      (...events: string[]): Act =>
      (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write(': hello\n')
        setImmediate(() => {
          for (const event of events) res.write(event)
          res.end()
        })
      }

    for (const [name, event] of [
      ['by its name', 'event: error\ndata: {"message":"no"}\n\n'],
      ['by its data', 'data: {"error":{"message":"no"}}\n\n'],
      ['by the type of its data', 'data: {"type":"error","error":{}}\n\n'],
    ])
      it(`take a stream for one that has not begun where its first event is an error ${name}`, async () => {
        const [first, second] = [
          await upstreamOf(stream(event ?? '')),
          await upstreamOf(stream('data: 1\n\n')),
        ]
        const targets = (named(first.url, second.url) ?? []).map((each) => ({
          ...each,
          circuit: { consecutiveFailures: 1 },
        }))
        const answer = await ask(await gatewayOf({ targets }))
        assert.match(answer.body, /: hello\n[^]*data: 1\n\n/)
        assert.doesNotMatch(answer.body, /no/)
        assert.equal(breakers.get(targets[0]?.name ?? '')?.state, 'open')
      })

    it('never go on once an event was sent, and count a stream that ends with an error', async () => {
      const [first, second] = [
        await upstreamOf(stream('data: {"a":"error"}\n\n', 'event: error\ndata: {}\n\n')),
        await upstreamOf(status(200)),
      ]
      const targets = (named(first.url, second.url) ?? []).map((each) => ({
        ...each,
        circuit: { consecutiveFailures: 1 },
      }))
      const answer = await ask(await gatewayOf({ targets }))
      assert.match(answer.body, /data: \{"a":"error"\}\n\n[^]*event: error\ndata: \{\}\n\n/)
      assert.equal(second.seen.length, 0)
      assert.equal(breakers.get(targets[0]?.name ?? '')?.state, 'open')
    })
  })
})

describe('the options of forward', () => {
  const target = 'http://orders:4000'
  for (const [options, message] of [
    [{}, /"target" is missing/],
    [{ target: 'orders:4000' }, /option "target" must be an absolute http or https URL/],
    [{ target: 'http://u:p@orders' }, /option "target"/],
    [{ target: 'http://orders?x' }, /option "target"/],
    [{ target, targets: [{ name: 'a', target }] }, /not both/],
    [{ targets: [] }, /option "targets" must be/],
    [{ targets: [null] }, /^forward: targets\[0\]: the options must be an object/],
    [{ targets: [{ target }, { target }] }, /^forward: targets\[0\] needs a "name"/],
    [
      {
        targets: [
          { name: 'a', target },
          { name: 'a', target },
        ],
      },
      /one name/,
    ],
    [{ targets: [{ name: 'a', target, circuit: { name: 'b' } }] }, /cannot have "name"/],
    [
      { targets: [{ name: 'a', target, circuit: { timeout: -1 } }] },
      /^forward: targets\[0\]\.circuit: option "timeout" must be/,
    ],
    [{ target, retries: -1 }, /option "retries"/],
    [{ target, retryOn: [200] }, /option "retryOn"/],
    [{ target, headers: { connection: 'x' } }, /option "headers"/],
    [{ target, headers: { 'x y': 'x' } }, /option "headers"/],
    [{ target, headers: { x: 'a\r\nb: c' } }, /option "headers"/],
    [{ target, via: 'a b' }, /option "via"/],
    [{ target, forwarded: true }, /option "forwarded"/],
    [{ target, dispatcher: {} }, /option "dispatcher"/],
    [{ target, retrys: 1 }, /did you mean "retries"/],
  ] as const)
    it(`are refused at the mount: ${JSON.stringify(options)}`, () => {
      assert.throws(() => forward(options as unknown as ForwardOptions), {
        name: 'TypeError',
        message,
      })
    })
})
