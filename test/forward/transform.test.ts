import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import {
  breakers,
  type ErrorInfo,
  forward,
  type ForwardOptions,
  listener,
  problemDetails,
  transform as mountTransform,
  type Transform,
} from 'good-gateway'
import { type Listening, listen } from '../support/servers.js'

interface Seen {
  readonly method: string
  readonly url: string
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
}
interface Upstream extends Listening {
  readonly seen: Seen[]
}

async function startUpstream(act: RequestListener): Promise<Upstream> {
  const seen: Seen[] = []
  const server = createServer((req, res) => {
    let body = ''
    req.setEncoding('utf8').on('data', (part: string) => (body += part))
    req.on('end', () => {
      const { method = '', url = '', headers } = req
      seen.push({ method, url, body, headers })
      act(req, res)
    })
  })
  return { ...(await listen(server)), seen }
}

const json: RequestListener = (_req, res) =>
  void res
    .writeHead(200, {
      'content-type': 'application/json',
      etag: '"a"',
      'set-cookie': ['a=1', 'b=2'],
    })
    .end('{"theirs":"yes"}')
const busy: RequestListener = (_req, res) => void res.writeHead(529).end('{"busy":true}')
const unavailable: RequestListener = (_req, res) => void res.writeHead(503).end()
const stream =
  (...events: string[]): RequestListener =>
  (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.end(events.map((data) => `data: ${data}\n\n`).join(''))
  }

/** What of a request and of its response is another in the language of the second target. */
const TRANSFORM: Transform = () => ({
  request: (r) => ({
    path: '/theirs?a=1',
    headers: { 'x-client': null, 'x-key': 'from the transform', 'x-new': 'n' },
    body: { theirs: r.json() },
  }),
  response: (r) => ({ headers: { 'x-status': String(r.status) }, body: { ours: r.json() } }),
  events: ({ status }) => ({
    headers: { 'x-status': String(status) },
    push: (event) => [{ data: event.data.toUpperCase() }],
    end: () => [{ data: 'the end' }],
  }),
})

describe('the transform of a target of forward', () => {
  const running: { close(): Promise<unknown> }[] = []
  let infos: ErrorInfo[] = []

  afterEach(async () => {
    for (const each of running.splice(0).toReversed()) await each.close()
    breakers.releaseAll()
    infos = []
  })

  async function upstreamOf(act: RequestListener): Promise<Upstream> {
    const upstream = await startUpstream(act)
    running.push(upstream)
    return upstream
  }

  /** A gateway before two targets, the second with a transform; `ask` posts JSON to it. */
  async function start(
    first: RequestListener,
    second: RequestListener,
    { transform = TRANSFORM, ...more }: Partial<ForwardOptions> & { transform?: Transform } = {},
  ) {
    const [a, b] = [await upstreamOf(first), await upstreamOf(second)]
    const send = forward({
      targets: [
        { name: 'first', target: a.url },
        { name: 'second', target: `${b.url}/base`, headers: { 'x-key': 'k' }, transform },
      ],
      repeatable: true,
      ...more,
    })
    const guard = problemDetails({ onError: (_, info) => void infos.push(info) })
    const gateway = await listen(createServer(listener(guard, send)))
    running.push({ close: () => send.close() }, gateway)
    const ask = (body = '{"our":1}', headers = {}) =>
      fetch(`${gateway.url}/ours`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'x-client': 'c', ...headers },
      })
    return { a, b, ask }
  }

  it('makes another request of it for this target only', async () => {
    const { a, b, ask } = await start(busy, json)
    await ask()
    assert.deepEqual(
      [a.seen[0]?.url, a.seen[0]?.body, a.seen[0]?.headers['x-client']],
      ['/ours', '{"our":1}', 'c'],
    )
    const [seen] = b.seen
    assert.deepEqual([seen?.url, seen?.body], ['/base/theirs?a=1', '{"theirs":{"our":1}}'])
    const {
      'x-client': client,
      'x-new': added,
      'x-key': key,
      'content-length': length,
    } = seen?.headers ?? {}
    assert.deepEqual([client, added, length], [undefined, 'n', '20'])
    assert.equal(key, 'k', 'the fields of the target stand above those of the transform')
    assert.equal(seen?.headers['accept-encoding'], 'identity')
  })

  it('makes another response of that of this target only', async () => {
    const { ask } = await start(busy, json)
    const response = await ask()
    assert.equal(response.status, 200)
    assert.equal(await response.text(), '{"ours":{"theirs":"yes"}}')
    assert.equal(response.headers.get('content-length'), '25')
    assert.equal(response.headers.get('x-status'), '200')
    assert.equal(response.headers.get('etag'), null)
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
    const { ask: askFirst, b } = await start(json, json)
    assert.equal(await (await askFirst()).text(), '{"theirs":"yes"}')
    assert.equal(b.seen.length, 0)
  })

  it('changes the errors of this target, too', async () => {
    const { ask } = await start(busy, busy)
    const response = await ask()
    assert.equal(response.status, 529)
    assert.equal(await response.text(), '{"ours":{"busy":true}}')
  })

  it('changes a stream event by event', async () => {
    const { ask } = await start(busy, stream('one', 'two'))
    const response = await ask()
    assert.equal(response.headers.get('x-status'), '200')
    assert.equal(await response.text(), 'data: ONE\n\ndata: TWO\n\ndata: the end\n\n')
  })

  it('goes on to the target behind it when its answer breaks off or is an error', async () => {
    const breaks: RequestListener = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' })
      res.write('{"half":', () => res.destroy())
    }
    for (const fault of [busy, breaks, stream('{"error":{"message":"busy"}}')]) {
      const [a, b] = [await upstreamOf(fault), await upstreamOf(json)]
      const targets = [
        { name: `a${running.length}`, target: a.url, transform: TRANSFORM },
        { name: `b${running.length}`, target: b.url },
      ]
      const send = forward({ targets, repeatable: true })
      const gateway = await listen(createServer(listener(problemDetails(), send)))
      running.push({ close: () => send.close() }, gateway)
      const response = await fetch(gateway.url, { method: 'POST', body: '{"our":1}' })
      assert.equal(await response.text(), '{"theirs":"yes"}')
      assert.equal(b.seen[0]?.body, '{"our":1}', 'the next target gets what the client has sent')
    }
  })

  it('is 502 where a response cannot be changed', async () => {
    const words: RequestListener = (_req, res) => void res.writeHead(200).end('no JSON')
    const { ask } = await start(busy, words)
    const response = await ask()
    assert.equal(response.status, 502)
    assert.equal(infos[0]?.code, 'upstream_response_invalid')
  })

  it('is 502 where a response is larger than the limit, and 413 where the request is', async () => {
    const { ask } = await start(
      busy,
      (_req, res) => void res.end(JSON.stringify('x'.repeat(2000))),
      { bufferLimit: 1000 },
    )
    assert.equal((await ask()).status, 502)
    assert.equal(infos[0]?.code, 'upstream_response_too_large')
    assert.equal((await ask(JSON.stringify('x'.repeat(2000)))).status, 413)
  })

  it('ends a stream that cannot be changed any more with an error event', async () => {
    const transform: Transform = () => ({
      events: () => ({
        push(event) {
          if (event.data === 'two') throw new Error('no')
          return [event]
        },
        end: () => [],
      }),
    })
    const { ask } = await start(busy, stream('one', 'two', 'three'), { transform })
    const response = await ask()
    let text = ''
    // The cut behind the event is an error of fetch.
    await assert.rejects(async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    })
    assert.match(text, /^data: one\n+event: error\ndata: \{.*"upstream_response_invalid"/)
    assert.doesNotMatch(text, /three/)
  })

  it('goes on to the target behind it when it has begun with what cannot be changed', async () => {
    const strict: Transform = {
      events: () => ({
        push: ({ data }) => [{ data: JSON.stringify(JSON.parse(data)) }],
        end: () => [],
      }),
    }
    const [a, b] = [await upstreamOf(stream('no JSON')), await upstreamOf(stream('{"a":1}'))]
    const send = forward({
      targets: [
        { name: 'a', target: a.url, transform: strict },
        { name: 'b', target: b.url, transform: strict },
      ],
    })
    const gateway = await listen(createServer(listener(problemDetails(), send)))
    running.push({ close: () => send.close() }, gateway)
    assert.equal(await (await fetch(gateway.url)).text(), 'data: {"a":1}\n\n')
  })

  it('reads events whose lines end in a carriage return, to the last one', async () => {
    const old: RequestListener = (_req, res) =>
      void res
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end('data: one\r\rdata: two\r\r')
    const { ask } = await start(busy, old)
    assert.equal(await (await ask()).text(), 'data: ONE\n\ndata: TWO\n\ndata: the end\n\n')
  })

  it('is asked again for each attempt, which has the same body', async () => {
    let asked = 0
    const upstream = await upstreamOf((req, res) => {
      if (++asked === 1) unavailable(req, res)
      else json(req, res)
    })
    const send = forward({
      targets: [{ name: 'only', target: upstream.url, transform: TRANSFORM }],
      repeatable: true,
      retries: 1,
    })
    const gateway = await listen(createServer(listener(problemDetails(), send)))
    running.push({ close: () => send.close() }, gateway)
    const response = await fetch(gateway.url, {
      method: 'POST',
      body: '{"our":12345678901234567890}',
    })
    assert.deepEqual(await response.json(), { ours: { theirs: 'yes' } })
    assert.deepEqual(
      upstream.seen.map(({ url, body, headers }) => [url, body, headers['x-new']]),
      Array.from({ length: 2 }, () => [
        '/theirs?a=1',
        '{"theirs":{"our":12345678901234567890}}',
        'n',
      ]),
    )
  })

  it('is sent again as it is by a retry, where it was mounted before forward', async () => {
    let asked = 0
    const upstream = await upstreamOf((req, res) => {
      if (++asked === 1) unavailable(req, res)
      else json(req, res)
    })
    let changed = 0
    const once: Transform = { request: () => ({ body: { changed: ++changed } }) }
    const send = forward({ target: upstream.url, repeatable: true, retries: 1 })
    const gateway = await listen(
      createServer(listener(problemDetails(), mountTransform(once), send)),
    )
    running.push({ close: () => send.close() }, gateway)
    const response = await fetch(gateway.url, { method: 'POST', body: '{"a":1}' })
    assert.equal(response.status, 200)
    assert.deepEqual(
      upstream.seen.map(({ body, headers }) => [body, headers['content-length']]),
      Array.from({ length: 2 }, () => ['{"changed":1}', '13']),
    )
  })

  for (const part of ['request', 'response'] as const)
    it(`ends at the time of its circuit where its ${part} never comes to an end`, async () => {
      const waiting: Transform = { [part]: () => new Promise<never>(() => {}) }
      const upstream = await upstreamOf(json)
      const send = forward({
        targets: [
          { name: part, target: upstream.url, transform: waiting, circuit: { timeout: 50 } },
        ],
      })
      const gateway = await listen(createServer(listener(problemDetails(), send)))
      running.push({ close: () => send.close() }, gateway)
      const response = await fetch(gateway.url, { method: 'POST', body: '{}' })
      const problem = (await response.json()) as { code: string }
      assert.deepEqual([response.status, problem.code], [504, 'upstream_timeout'])
    })

  it('gives the last failure where later targets cannot be told the request, and passes them over', async () => {
    const refusing: Transform = {
      request: () => {
        throw Object.assign(new Error('no'), { status: 400, expose: true })
      },
    }
    const limited: RequestListener = (_req, res) =>
      void res.writeHead(429, { 'retry-after': '7' }).end()
    const { ask, b } = await start(limited, json, { transform: refusing })
    const response = await ask()
    const { code, upstream } = (await response.json()) as { code: string; upstream: object }
    assert.deepEqual(
      [
        response.status,
        code,
        upstream,
        response.headers.get('retry-after'),
        infos[0]?.upstream?.name,
      ],
      [429, 'upstream_rate_limited', { name: 'first', status: 429 }, '7', 'first'],
    )
    assert.equal(b.seen.length, 0)
    const [away, third] = [await upstreamOf(busy), await upstreamOf(json)]
    const send = forward({
      targets: [
        { name: 'one', target: away.url },
        { name: 'two', target: b.url, transform: refusing },
        { name: 'three', target: third.url },
      ],
      repeatable: true,
    })
    const gateway = await listen(createServer(listener(problemDetails(), send)))
    running.push({ close: () => send.close() }, gateway)
    assert.equal((await fetch(gateway.url, { method: 'POST', body: '{}' })).status, 200)
  })

  it('blames the client for what the first target cannot be told, and not for what a later one cannot', async () => {
    const refusing: Transform = () => ({
      request: () => {
        throw Object.assign(new Error('no'), { status: 400, expose: true })
      },
    })
    const { b, ask } = await start(busy, json, { transform: refusing })
    assert.equal((await ask()).status >= 500, true)
    assert.equal(b.seen.length, 0)
    const upstream = await upstreamOf(json)
    const send = forward({ targets: [{ name: 'only', target: upstream.url, transform: refusing }] })
    const gateway = await listen(createServer(listener(problemDetails(), send)))
    running.push({ close: () => send.close() }, gateway)
    assert.equal((await fetch(gateway.url, { method: 'POST', body: '{}' })).status, 400)
  })

  it('is checked when forward is made', () => {
    for (const transform of [{}, 5, { request: 'x' }])
      assert.throws(
        () =>
          forward({ targets: [{ name: 'x', target: 'http://a', transform: transform as never }] }),
        /option "transform" must be what the middleware "transform" takes/,
      )
  })
})
