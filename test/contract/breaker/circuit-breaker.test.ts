import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import {
  breakers,
  type CircuitBreakerOptions,
  type ConnectCircuitBreaker,
  type Outcome,
} from 'good-gateway'
import { request as undiciRequest } from 'undici'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf, problemIn } from '../../support/problem.js'
import { dechunk, getLine, sendRaw, sendWatching } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'
import { until } from '../../support/until.js'

let mounted = 0

for (const host of hosts) {
  describe(`${host.name}, a circuit breaker`, () => {
    let name: string
    let upstream: Listening
    let gateway: Listening
    let circuit: Pick<ConnectCircuitBreaker, 'breaker'>
    let hits = 0
    let respond: (res: ServerResponse) => void

    const send = (path = '/') => sendRaw(gateway.port, getLine(path))
    const ok = (res: ServerResponse) => void res.end('ok')
    const broken = (res: ServerResponse) =>
      void res.writeHead(500, { 'Content-Length': 6 }).end('broken')
    const entry = () => breakers.get(name)

    beforeEach(async () => {
      hits = 0
      respond = ok
      upstream = await listen(
        createServer((_req, res) => {
          hits++
          respond(res)
        }),
      )
      await mount({ resetTimeout: 60 })
    })

    async function mount(options: Partial<CircuitBreakerOptions>) {
      const forward = createForward()
      name = `orders on ${host.name}, ${mounted++}`
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => {
          circuit = circuitBreaker({
            name,
            volumeThreshold: 4,
            rollingCountTimeout: 5000,
            ...options,
          })
          return [problemDetails(), circuit]
        },
        handler: (req, res) => forward(req, res, upstream.url),
      })
    }

    afterEach(async () => {
      await gateway.close()
      await upstream.close()
      entry()?.release()
    })

    /** Fails until the circuit opens. */
    async function open() {
      respond = broken
      const opened = once(circuit.breaker, 'open')
      while (circuit.breaker.closed) await send()
      await opened
      hits = 0
    }

    it('lets requests through while it is closed, and passes the answers of the upstream', async () => {
      respond = broken
      const received = await send()
      assert.deepEqual([received.status, received.body], [500, 'broken'])
      assert.equal(circuit.breaker.closed, true)
    })

    it('opens after too many failures: 503 with Retry-After, and nothing reaches the upstream', async () => {
      await gateway.close()
      // No slow machine waits so long for its 50 answers.
      await mount({ resetTimeout: 90_000 })
      await open()
      const all = await Promise.all(Array.from({ length: 50 }, () => send()))
      assert.equal(hits, 0)
      for (const received of all) {
        assert.equal(received.status, 503)
        const problem = problemIn(received)
        assert.equal(problem.code, 'circuit_open')
        assert.equal(problem.retryable, true)
        assert.ok(Number(problem.retry_after) > 1 && Number(problem.retry_after) <= 90)
        assert.deepEqual(problem.upstream, { name })
        assert.equal(fieldOf(received.head, 'retry-after'), String(problem.retry_after))
        assert.equal(
          fieldOf(received.head, 'proxy-status'),
          'gateway;error=destination_unavailable',
        )
      }
    })

    it('lets exactly one of 100 concurrent requests probe a half-open circuit', async () => {
      await open()
      if (!circuit.breaker.halfOpen) await once(circuit.breaker, 'halfOpen')
      let probe: ServerResponse | undefined
      respond = (res) => (probe = res)
      const all = Array.from({ length: 100 }, () => send())
      let refused = 0
      for (const request of all)
        void request.then(({ status }) => (refused += Number(status === 503)))
      await until(() => refused === 99)
      assert.equal(hits, 1)
      const closed = once(circuit.breaker, 'close')
      probe?.end('ok')
      const statuses = (await Promise.all(all)).map(({ status }) => status)
      assert.equal(statuses.filter((status) => status === 200).length, 1)
      await closed
    })

    it('closes after a good probe, with an empty window', async () => {
      await open()
      if (!circuit.breaker.halfOpen) await once(circuit.breaker, 'halfOpen')
      respond = ok
      assert.equal((await send()).status, 200)
      await until(() => circuit.breaker.closed)
      respond = broken
      assert.equal((await send()).status, 500)
      assert.equal(circuit.breaker.closed, true)
    })

    it('opens again after a bad probe', async () => {
      await open()
      if (!circuit.breaker.halfOpen) await once(circuit.breaker, 'halfOpen')
      const opened = once(circuit.breaker, 'open')
      assert.equal((await send()).status, 500)
      await opened
      assert.equal((await send()).status, 503)
    })

    it('neither closes nor blocks when the client of a probe leaves', async () => {
      await open()
      if (!circuit.breaker.halfOpen) await once(circuit.breaker, 'halfOpen')
      const reached = new Promise<void>((resolve) => (respond = () => resolve()))
      const client = connect(gateway.port, '127.0.0.1')
      client.write(getLine('/'))
      await reached
      assert.equal((await send()).status, 503)
      client.destroy()
      respond = ok
      let received = await send()
      while (received.status === 503) received = await send()
      assert.equal(received.status, 200)
      assert.equal(hits, 2)
      await until(() => circuit.breaker.closed)
    })

    it('waits as long as the upstream asks for', async () => {
      respond = (res) => void res.writeHead(503, { 'Retry-After': '7' }).end()
      while (circuit.breaker.closed) await send()
      const problem = problemIn(await send())
      assert.equal(problem.code, 'circuit_open')
      assert.equal(problem.retry_after, 7)
    })

    it('counts a body that dies after a good head as a failure', async () => {
      respond = (res) => {
        res.writeHead(200, { 'Content-Length': 50 }).write('part', () => res.socket?.destroy())
      }
      assert.deepEqual((await send()).body, 'part')
      await until(() => circuit.breaker.stats.failures === 1)
      assert.equal(circuit.breaker.stats.successes, 0)
    })

    it('asks isFailure once about each request, at its end', async () => {
      const asked: Outcome[] = []
      await gateway.close()
      await mount({
        isFailure: (outcome) => {
          asked.push(outcome)
          return !outcome.complete && !outcome.aborted
        },
      })
      for (let sent = 0; sent < 6; sent++) assert.equal((await send()).status, 200)
      await until(() => circuit.breaker.stats.fires === 6)
      assert.equal(circuit.breaker.stats.successes, 6)
      assert.deepEqual(
        asked.map(({ complete }) => complete),
        Array.from({ length: 6 }, () => true),
      )
    })

    it('warns once when it sees no call, although one was made before it', async () => {
      const warnings: string[] = []
      const warned = ({ message }: Error) => void warnings.push(message)
      process.on('warning', warned)
      const blind = `blind on ${host.name}`
      const calling = await host.start({
        use: ({ problemDetails, circuitBreaker, waits }) => [
          problemDetails(),
          waits(async () => (await fetch(upstream.url)).text()),
          circuitBreaker({ name: blind }),
        ],
        handler: (_req, res) => res.end('own'),
      })
      try {
        for (let sent = 0; sent < 25; sent++) await sendRaw(calling.port, getLine('/'))
        await until(() => warnings.length > 0)
        assert.equal(warnings.length, 1)
        assert.match(
          warnings[0] ?? '',
          new RegExp(`"${blind}" let 20 requests through and saw no outgoing call`),
        )
      } finally {
        process.off('warning', warned)
        await calling.close()
      }
    })

    it('counts neither 404 nor 501 as a failure', async () => {
      for (const status of [404, 501]) {
        respond = (res) => void res.writeHead(status).end()
        for (let sent = 0; sent < 8; sent++) await send()
      }
      assert.equal(circuit.breaker.closed, true)
      assert.deepEqual([circuit.breaker.stats.failures, circuit.breaker.stats.successes], [0, 16])
    })

    const closed = (stream: Readable) =>
      new Promise<void>((resolve) => stream.on('error', () => {}).once('close', resolve))
    const enough: Record<string, (url: string) => Promise<unknown>> = {
      'cancels the body of a fetch': async (url) => (await fetch(url)).body?.cancel(),
      'aborts a fetch after the head': async (url) => {
        const controller = new AbortController()
        await fetch(url, { signal: controller.signal })
        controller.abort()
      },
      'destroys the body of undici.request': async (url) => {
        const { body } = await undiciRequest(url)
        await closed(body.destroy())
      },
      'destroys a response of http.get': async (url) => {
        const [response] = (await once(get(url), 'response')) as [IncomingMessage]
        await closed(response.destroy())
      },
      'destroys a request of http.get after the head': async (url) => {
        const call = get(url)
        const [response] = (await once(call, 'response')) as [IncomingMessage]
        call.destroy()
        await closed(response)
      },
    }
    for (const [title, callUp] of Object.entries(enough)) {
      it(`counts no failure when an application ${title} because it has read enough`, async () => {
        const endless = await listen(
          createServer((_req, res) => void res.writeHead(200).write('part')),
        )
        const ownName = `enough, ${title}, on ${host.name}`
        let enoughCircuit: typeof circuit | undefined
        const asking = await host.start({
          use: ({ problemDetails, circuitBreaker }) => [
            problemDetails(),
            (enoughCircuit = circuitBreaker({ name: ownName })),
          ],
          handler: async (_req, res) => {
            await callUp(endless.url)
            res.writeHead(503, { 'Content-Length': 3 }).end('own')
          },
        })
        try {
          const received = await sendRaw(asking.port, getLine('/'))
          assert.deepEqual([received.status, received.body], [503, 'own'])
          await until(() => enoughCircuit?.breaker.stats.fires === 1)
          assert.equal(enoughCircuit?.breaker.stats.failures, 0)
        } finally {
          await asking.close()
          await endless.close()
        }
      })
    }

    it('is in the list, and can be opened, closed and released by hand', async () => {
      assert.equal((await send()).status, 200)
      assert.equal(entry()?.state, 'closed')
      entry()?.open()
      assert.equal(entry()?.state, 'open')
      assert.equal((await send()).status, 503)
      entry()?.close()
      assert.equal((await send()).status, 200)
      entry()?.open()
      entry()?.release()
      assert.equal(entry(), undefined)
      assert.equal((await send()).status, 200)
      assert.deepEqual(
        breakers
          .list()
          .filter((each) => each.name === name)
          .map(({ state }) => state),
        ['closed'],
      )
    })
  })
}

/** Serves one request in a process of its own: the package undici would take over the fetch of Node. */
const FETCHING = `
  import { createServer } from 'node:http'
  import { Readable } from 'node:stream'
  import { circuitBreaker, listener, problemDetails } from 'good-gateway'

  const codes = []
  const circuit = circuitBreaker({ name: 'fetched' })
  const details = problemDetails({ onError: ({ code }) => codes.push(code) })
  const server = createServer(listener(details, circuit, async (_req, res) => {
    res.once('close', () => {
      console.log(JSON.stringify({ codes, failures: circuit.breaker.stats.failures }))
      process.exit()
    })
    const { status, body } = await fetch(process.argv[1])
    res.writeHead(status)
    Readable.fromWeb(body).on('error', () => {}).pipe(res)
  }))
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

describe("a circuit breaker around Node's own fetch", () => {
  it('cuts a chunked body that ends with the connection, and counts a failure', async () => {
    let dying: Socket | undefined
    const upstream = await listen(
      createTcpServer((socket) => {
        dying = socket.once('data', () => {
          const fields = 'Transfer-Encoding: chunked\r\nConnection: close'
          socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n4\r\npart\r\n`)
        })
      }),
    )
    const child = spawn(process.execPath, ['--input-type=module', '-e', FETCHING, upstream.url], {
      cwd: join(import.meta.dirname, '../../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const lines = child.stdout.setEncoding('utf8')
      const [port] = (await once(lines, 'data')) as [string]
      const told = once(lines, 'data') as Promise<[string]>
      const { body } = await sendWatching(Number(port), [getLine('/')], (text) => {
        if (text.includes('part')) dying?.end()
      })
      assert.deepEqual(dechunk(body), { text: 'part', whole: false })
      assert.deepEqual(JSON.parse((await told)[0]), {
        codes: ['upstream_response_incomplete'],
        failures: 1,
      })
    } finally {
      child.kill()
      await upstream.close()
    }
  })
})

describe('circuitBreaker at mount', () => {
  for (const host of hosts) {
    it(`refuses one name with two sets of options on ${host.name}`, async () => {
      const gateway = await host.start({
        use: ({ circuitBreaker }) => {
          circuitBreaker({ name: 'twice', timeout: 1000 })
          circuitBreaker({ name: 'twice', timeout: 1000 })
          assert.throws(() => circuitBreaker({ name: 'twice', timeout: 2000 }), {
            name: 'TypeError',
            message: /"twice" exists with other options/,
          })
          return []
        },
        handler: (_req, res) => res.end(),
      })
      await gateway.close()
    })
  }
})
