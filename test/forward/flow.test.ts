import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { forward, listener, problemDetails } from 'good-gateway'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { type Listening, listen, nobody } from '../support/servers.js'
import { until } from '../support/until.js'

const MB = 1024 * 1024
const SIZE = 64 * MB
/** What all buffers on the way may hold together. */
const MOST = 24 * MB

const post = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`

describe('the flow of forward', () => {
  let upstream: Listening
  let gateway: Listening
  let proxy: ReturnType<typeof forward>
  let client: Socket | undefined

  async function start(act: (req: IncomingMessage, res: ServerResponse) => void): Promise<void> {
    upstream = await listen(createServer(act))
    proxy = forward({ target: upstream.url })
    gateway = await listen(createServer(listener(problemDetails(), proxy)))
  }

  function dial(): Socket {
    client = connect(gateway.port, '127.0.0.1')
    client.on('error', () => {})
    return client
  }

  afterEach(async () => {
    client?.destroy()
    await gateway.close()
    await upstream.close()
    await proxy.close()
  })

  /** Waits until a number has not changed for a while. */
  async function settled(read: () => number): Promise<number> {
    for (;;) {
      const before = read()
      await delay(150)
      if (read() === before) return before
    }
  }

  it('stops the upstream while the client does not read, and goes on when it does', async () => {
    let sent = 0
    await start((_req, res) => {
      res.writeHead(200, { 'Content-Length': SIZE })
      const write = () => {
        while (sent < SIZE) {
          sent += MB
          if (!res.write(Buffer.alloc(MB))) return void res.once('drain', write)
        }
        res.end()
      }
      write()
    })
    const socket = dial()
    socket.pause()
    socket.write(getLine('/'))
    await until(() => sent > 0)
    assert.ok((await settled(() => sent)) < MOST, `${sent}`)
    let size = 0
    socket.on('data', (part: Buffer) => (size += part.length)).resume()
    await once(socket, 'close')
    assert.ok(size > SIZE && size < SIZE + 1000, `${size}`)
  })

  it('stops the client while the upstream does not read, and goes on when it does', async () => {
    let upload: IncomingMessage | undefined
    let size = 0
    await start((req, res) => {
      upload = req
      req.on('end', () => res.end('done'))
    })
    const socket = dial()
    socket.write(post(SIZE))
    for (let at = 0; at < SIZE; at += MB) socket.write(Buffer.alloc(MB))
    await until(() => upload !== undefined)
    const taken = await settled(() => socket.bytesWritten - socket.writableLength)
    assert.ok(taken < MOST, `${taken}`)
    upload?.on('data', (part: Buffer) => (size += part.length))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 200/)
    assert.equal(size, SIZE)
  })

  it('ends the upload when the client leaves in the middle of it', async () => {
    let upload: IncomingMessage | undefined
    await start((req) => {
      upload = req
      req.resume()
    })
    const socket = dial()
    socket.write(post(100))
    socket.write('abc')
    await until(() => upload !== undefined)
    socket.destroy()
    await until(() => upload?.destroyed === true)
    assert.equal(upload?.complete, false)
  })

  it('answers when the upstream dies in the middle of an upload', async () => {
    await start((req) => void req.once('data', () => req.socket.resetAndDestroy()))
    const answer = await sendRaw(gateway.port, post(5_000_000), Buffer.alloc(5_000_000))
    assert.equal(problemIn(answer).code, 'upstream_connection_lost')
  })

  it('takes no more requests after close, and lets those under way end', async () => {
    let waiting: ServerResponse | undefined
    await start((_req, res) => void (waiting = res))
    const first = sendRaw(gateway.port, getLine('/'))
    await until(() => waiting !== undefined)
    const closed = proxy.close()
    const second = await sendRaw(gateway.port, getLine('/'))
    assert.equal(problemIn(second).code, 'gateway_shutting_down')
    waiting?.end('ok')
    assert.equal((await first).status, 200)
    await closed
  })
})

describe('a process with forward', () => {
  const root = join(import.meta.dirname, '../..')
  const run = (program: string): unknown =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', program], {
        cwd: root,
        encoding: 'utf8',
        timeout: 8000,
      }),
    )

  it("keeps the dispatcher of its own fetch, and loads undici's agent at the mount only", () => {
    const program = `
      import { createRequire } from 'node:module'
      const { cache } = createRequire(import.meta.url)
      const seen = []
      const dispatchers = () => [1, 2].map((n) => globalThis[Symbol.for('undici.globalDispatcher.' + n)])
      const look = () =>
        seen.push([
          dispatchers().some((each, at) => each !== own[at]),
          Object.keys(cache).some((file) => file.includes('undici')),
        ])
      let own = dispatchers()
      look()
      const { forward } = await import('good-gateway/koa')
      look()
      forward({ target: 'http://127.0.0.1:1' })
      look()
      await fetch('http://127.0.0.1:29999').catch(() => {})
      own = dispatchers()
      forward({ target: 'http://127.0.0.1:1' })
      look()
      console.log(JSON.stringify(seen))`
    assert.deepEqual(run(program), [
      [false, false],
      [false, false],
      [false, true],
      [false, true],
    ])
  })

  it('ends by itself, with connections that are kept alive', () => {
    const program = `
      import { createServer, get } from 'node:http'
      import { forward, listener } from 'good-gateway'
      const upstream = createServer((req, res) => {
        req.socket.unref()
        res.end('ok')
      }).listen(0)
      upstream.unref()
      const proxy = forward({ target: 'http://127.0.0.1:' + upstream.address().port })
      const gateway = createServer(listener(proxy)).listen(0)
      get({ port: gateway.address().port, agent: false }, (res) => {
        res.resume().on('end', () => {
          gateway.close()
          console.log(JSON.stringify(res.statusCode))
        })
      })`
    assert.equal(run(program), 200)
  })

  it('answers for a target that is refused, on a bare server', async () => {
    const gateway = await listen(createServer(forward({ target: nobody.url })))
    const answer = await sendRaw(gateway.port, getLine('/'))
    assert.equal(answer.status, 502)
    await gateway.close()
  })
})
