import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { circuitBreaker, type CircuitBreakerOptions, listener, problemDetails } from 'good-gateway'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { proxies } from '../../support/proxies.js'
import { dechunk, getLine, sendPart, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

interface Hit {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** Time goes by without the event loop standing still. */
async function pass(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  await until(() => performance.now() >= end)
}

let mounted = 0

/** More than all the buffers between an upstream and a client take. */
const large = Buffer.alloc(32 * 1024 * 1024, 'x')

for (const proxy of proxies) {
  describe(`the deadlines of a call by ${proxy.name}`, () => {
    let upstream: Listening
    let gateway: Listening
    let hits: Hit[]
    let circuit: ReturnType<typeof circuitBreaker>
    /** Those of the gateway. */
    let answers: ServerResponse[]

    beforeEach(async () => {
      hits = []
      answers = []
      upstream = await listen(createServer((req, res) => void hits.push({ req, res })))
    })
    afterEach(async () => {
      await gateway.close()
      await upstream.close()
    })

    async function start(options: Partial<CircuitBreakerOptions>, target = upstream.url) {
      circuit = circuitBreaker({ name: `deadlines ${mounted++}`, ...options })
      gateway = await listen(
        createServer(
          listener(problemDetails(), circuit, (req, res) => {
            answers.push(res)
            return proxy.forward(req, res, target)
          }),
        ),
      )
    }
    const send = (path = '/') => sendRaw(gateway.port, getLine(path))
    const hit = async (count = 1) => {
      await until(() => hits.length >= count)
      return hits[count - 1] as Hit
    }
    const failures = () => circuit.breaker.stats.failures
    const post = (size: number) => getLine('/', `Content-Length: ${size}`).replace('GET', 'POST')
    /** All that is ever told to the circuit about the first request has been told. */
    const over = () => until(() => answers[0]?.closed === true)

    const fate = proxy.shares ? 'no call that others may wait for' : 'only this call'
    it(`timeout: 504, and ${fate} is aborted`, async () => {
      await start({ timeout: 200 })
      const late = send('/late')
      const first = await hit(1)
      await pass(120)
      const other = send('/other')
      const second = await hit(2)
      const problem = problemIn(await late)
      assert.deepEqual([problem.status, problem.code], [504, 'upstream_timeout'])
      if (!proxy.shares) await until(() => first.res.closed)
      assert.equal(second.res.closed, false)
      second.res.end('in time')
      assert.match((await other).body, /in time/)
      assert.equal(first.res.closed, !proxy.shares)
      await until(() => circuit.breaker.stats.fires === 2)
      assert.equal(failures(), 1)
    })

    it('connectTimeout: 504 with its own code, and the connection attempt is aborted', async () => {
      const sockets: Socket[] = []
      // TCP stands, TLS never will.
      const silent = await listen(createTcpServer((socket) => void sockets.push(socket)))
      await start({ connectTimeout: 100 }, `https://127.0.0.1:${silent.port}`)
      try {
        const problem = problemIn(await send())
        assert.deepEqual([problem.status, problem.code], [504, 'upstream_connect_timeout'])
        assert.equal(problem.retryable, true)
        // undici has no way to give up a connection that another request may want to use.
        if (proxy.name.startsWith('http')) {
          sockets[0]?.resume()
          await until(() => sockets[0]?.closed === true)
        }
        assert.equal(failures(), 1)
      } finally {
        await silent.close()
      }
    })

    it('connectTimeout: does not end an established connection', async () => {
      await start({ connectTimeout: 50 })
      const answer = send()
      const { res } = await hit()
      await pass(100)
      res.end('connected')
      assert.match((await answer).body, /connected/)
    })

    it('idleTimeout: cuts a stream that stops, and aborts the call', async () => {
      await start({ idleTimeout: 100 })
      const answer = send()
      const { res } = await hit()
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
      const { text, whole } = dechunk((await answer).body)
      assert.equal(whole, false)
      assert.match(text, /^data: 1\n\n\n\nevent: error\ndata: .*"upstream_idle_timeout".*\n\n$/s)
      await until(() => res.closed)
      await until(() => failures() === 1)
    })

    it('idleTimeout and timeout: do not cut a stream that sends', async () => {
      await start({ idleTimeout: 120, timeout: 120 })
      const answer = send()
      const { res } = await hit()
      for (let part = 0; part < 8; part++) {
        res.write(`${part}`)
        await pass(50)
      }
      res.end()
      assert.deepEqual(dechunk((await answer).body), { text: '01234567', whole: true })
    })

    it('idleTimeout: does not cut a stream whose client does not read', async () => {
      await start({ idleTimeout: 100 })
      const client = connect(gateway.port, '127.0.0.1').pause()
      client.write(getLine('/'))
      const { res } = await hit()
      res.writeHead(200, { 'Content-Length': large.length })
      res.end(large)
      let seen = -1
      // Until all buffers between here and the client are full.
      await until(() => res.socket !== null && res.socket.bytesWritten > 0)
      while (seen !== res.writableLength) {
        seen = res.writableLength
        await pass(100)
      }
      await pass(400)
      assert.equal(res.destroyed, false)
      let size = 0
      client.on('data', (data: Buffer) => (size += data.length)).resume()
      await once(client, 'close')
      assert.ok(size > large.length, `${size} bytes`)
    })

    it('totalTimeout: cuts a stream although it sends, and aborts the call', async () => {
      await start({ totalTimeout: 200 })
      const answer = send()
      const { res } = await hit()
      const flow = setInterval(() => res.write('x'), 20)
      try {
        assert.equal(dechunk((await answer).body).whole, false)
        await until(() => res.closed)
        await until(() => failures() === 1)
      } finally {
        clearInterval(flow)
      }
    })

    it('totalTimeout: does not count against an upstream whose client does not read', async () => {
      await start({ totalTimeout: 1000 })
      const client = connect(gateway.port, '127.0.0.1').pause()
      client.on('error', () => {}).write(getLine('/'))
      const { res } = await hit()
      res.end(large)
      await over()
      assert.equal(circuit.breaker.stats.fires, 0)
      client.destroy()
    })

    it('totalTimeout: answers 408 when the request body has not arrived, and does not count against the upstream', async () => {
      await start({ totalTimeout: 200 })
      const problem = problemIn(await sendPart(gateway.port, post(4), 'bo'))
      assert.deepEqual([problem.status, problem.code], [408, 'request_timeout'])
      await over()
      assert.equal(circuit.breaker.stats.fires, 0)
    })

    it('timeout: does not end an upload that is as slow as the upstream reads', async () => {
      const timeout = 300
      await start({ timeout })
      const answer = sendRaw(gateway.port, post(large.length), large)
      const { req, res } = await hit()
      const slowUntil = performance.now() + 2.5 * timeout
      let size = 0
      let taken = 0
      for await (const chunk of req) {
        size += (chunk as Buffer).length
        // Buffers of the system take megabytes before the gateway sees that something was read.
        const received = answers[0]?.socket?.bytesRead ?? 0
        if (received === taken || performance.now() > slowUntil) continue
        taken = received
        await pass(timeout / 3)
      }
      assert.ok(performance.now() > slowUntil)
      assert.equal(size, large.length)
      res.end('done')
      assert.equal((await answer).status, 200)
    })

    it('timeout: answers a streaming POST that the upstream does not answer, and aborts it', async () => {
      await start({ timeout: 100 })
      const answer = sendRaw(gateway.port, post(2), '{}')
      const { res } = await hit()
      assert.equal(problemIn(await answer).code, 'upstream_timeout')
      await until(() => res.closed)
      assert.equal(failures(), 1)
    })

    it('timeout: does not end an upload, and gives the upstream the full time after it', async () => {
      await start({ timeout: 400 })
      const client = connect(gateway.port, '127.0.0.1')
      client.write(post(4))
      const parts: Buffer[] = []
      client.on('data', (data: Buffer) => parts.push(data))
      for (const part of 'body') {
        await pass(150)
        client.write(part)
      }
      const { req, res } = await hit()
      await once(req.resume(), 'end')
      await pass(250)
      res.end('done')
      await once(client, 'close')
      assert.match(Buffer.concat(parts).toString(), /^HTTP\/1\.1 200 [\s\S]*done/)
    })
  })
}

describe('deadlines', () => {
  it('do not cut what the application still sends after the upstream response has ended', async () => {
    const upstream = await listen(createServer((_req, res) => void res.end('all')))
    const circuit = circuitBreaker({ name: `deadlines ${mounted++}`, idleTimeout: 60 })
    const gateway = await listen(
      createServer(
        listener(problemDetails(), circuit, async (_req, res) => {
          const text = await (await fetch(upstream.url)).text()
          res.write(text)
          await pass(200)
          res.end(' done')
        }),
      ),
    )
    const received = await sendRaw(gateway.port, getLine('/'))
    assert.deepEqual(dechunk(received.body), { text: 'all done', whole: true })
    await gateway.close()
    await upstream.close()
  })

  it('abort a connection that is not established, also when a later call succeeds', async () => {
    const silent = await listen(createTcpServer())
    const good = await listen(createServer((_req, res) => void res.end('good')))
    const circuit = circuitBreaker({ name: `deadlines ${mounted++}`, connectTimeout: 100 })
    const gateway = await listen(
      createServer(
        listener(problemDetails(), circuit, async (_req, res) => {
          const urls = [`https://127.0.0.1:${silent.port}`, good.url]
          const texts = await Promise.all(urls.map(async (url) => (await fetch(url)).text()))
          res.end(texts.join())
        }),
      ),
    )
    const problem = problemIn(await sendRaw(gateway.port, getLine('/')))
    assert.deepEqual([problem.status, problem.code], [504, 'upstream_connect_timeout'])
    for (const { close } of [gateway, good, silent]) await close()
  })

  it('do not wait for a body over HTTP/2 that nobody reads', async () => {
    const upstream = await listen(createServer(() => {}))
    const circuit = circuitBreaker({ name: `deadlines ${mounted++}`, timeout: 100 })
    const guarded = listener(
      problemDetails(),
      circuit,
      async () => void (await fetch(upstream.url)),
    )
    const gateway = await listen(createHttp2Server(guarded as never))
    const session = connectHttp2(gateway.url)
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    stream.end('nobody reads it')
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
    const text = await stream.setEncoding('utf8').reduce((a, b) => a + b, '')
    const { code } = JSON.parse(text) as { code: string }
    assert.deepEqual([head[':status'], code], [504, 'upstream_timeout'])
    session.close()
    await gateway.close()
    await upstream.close()
  })

  it('do not cut a stream over HTTP/2 whose client does not read', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let answer: ServerResponse | undefined
    const upstream = await listen(
      createServer((_req, res) => {
        answer = res
        for (let part = 0; part < 64; part++) res.write(chunk)
        res.end()
      }),
    )
    const circuit = circuitBreaker({ name: `deadlines ${mounted++}`, idleTimeout: 60 })
    const guarded = listener(problemDetails(), circuit, (req, res) =>
      proxies[1]?.forward(req, res, upstream.url),
    )
    const gateway = await listen(createHttp2Server(guarded as never))
    const session = connectHttp2(gateway.url)
    const stream = session.request({ ':path': '/' })
    stream.pause()
    await until(() => answer !== undefined)
    await pass(300)
    let size = 0
    stream.on('data', (data: Buffer) => (size += data.length)).resume()
    await once(stream, 'end')
    assert.equal(stream.rstCode, 0)
    assert.equal(size, 64 * chunk.length)
    session.close()
    await gateway.close()
    await upstream.close()
  })
})

for (const host of hosts) {
  describe(`${host.name}, the keys of a circuit breaker`, () => {
    it('have a circuit each; a key that is not a string shares the circuit of the name', async () => {
      const name = `keys on ${host.name}`
      const warnings: string[] = []
      const onWarning = ({ message }: Error) => warnings.push(message)
      process.on('warning', onWarning)
      const upstream = await listen(
        createServer((req, res) => void res.writeHead(req.url === '/a' ? 500 : 200).end()),
      )
      let circuit: Pick<ReturnType<typeof circuitBreaker>, 'breaker'> | undefined
      const gateway = await host.start({
        use: (api) => {
          circuit = api.circuitBreaker({
            name,
            volumeThreshold: 1,
            key: ({ req }) => {
              if (req.url === '/throws') throw new Error('no tenant')
              return (req.url === '/none' ? 7 : req.url) as string
            },
          })
          return [api.problemDetails(), circuit]
        },
        handler: (req, res) => proxies[0]?.forward(req, res, upstream.url),
      })
      const send = (path: string) => sendRaw(gateway.port, getLine(path))
      assert.equal((await send('/a')).status, 500)
      await until(() => warnings.length === 0)
      assert.equal(problemIn(await send('/a')).code, 'circuit_open')
      assert.equal((await send('/b')).status, 200)
      for (const path of ['/throws', '/none', '/none']) assert.equal((await send(path)).status, 200)
      await until(() => circuit?.breaker.stats.successes === 3)
      await until(() => warnings.length > 0)
      assert.deepEqual(warnings, [
        `good-gateway: key of circuitBreaker "${name}" threw: Error: no tenant`,
        `good-gateway: key of circuitBreaker "${name}" must return a string, not number`,
      ])
      process.off('warning', onWarning)
      await gateway.close()
      await upstream.close()
    })
  })
}
