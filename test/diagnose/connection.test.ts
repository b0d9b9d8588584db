import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type Listening, listen, nobody } from '../support/servers.js'
import { diagnosed, found } from './command.js'
import { type DnsServer, dnsServer } from './dns-server.js'

/** Listens with the shortest queue, and is stopped before it takes anybody out of it. */
const NOBODY_ACCEPTS = `
  require('net').createServer().listen({ port: 0, host: process.argv[1], backlog: 1 }, function () {
    process.send(this.address().port, () => process.kill(process.pid, 'SIGSTOP'))
  })
`

/** A port that neither accepts nor refuses, as behind a firewall that drops packets. */
class Filtered {
  readonly child: ChildProcess
  private readonly sockets: Socket[] = []

  constructor(host: string) {
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as const
    this.child = spawn(process.execPath, ['-e', NOBODY_ACCEPTS, host], { stdio: [...stdio] })
  }

  /** Fills the queue, until a connection is no longer made. */
  async port(host: string): Promise<number> {
    const [port] = (await once(this.child, 'message')) as [number]
    for (let count = 0; count < 50; count += 1) {
      const socket = connect({ port, host })
      this.sockets.push(socket.on('error', () => {}))
      const connected = await Promise.race([
        once(socket, 'connect').then(() => true),
        new Promise<boolean>((resolve) => setTimeout(resolve, 300, false)),
      ])
      if (!connected) return port
    }
    throw new Error('The queue has no end.')
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.child.kill('SIGKILL')
  }
}

describe('diagnose: the connection', function () {
  this.timeout(20_000)
  let server: Listening
  let dns: DnsServer

  before(async () => {
    server = await listen(createServer((_req, res) => void res.end('ok')))
    dns = await dnsServer({
      'one.test': { A: ['127.0.0.1'] },
      'two.test': { A: ['127.0.0.1', '127.0.0.2'] },
      'both.test': { A: ['127.0.0.1'], AAAA: ['::1'] },
      // No connection can be made to a broadcast.
      'nowhere.test': { A: ['255.255.255.255'] },
    })
  })
  after(async () => {
    await dns.close()
    await server.close()
  })

  const ask = (name: string, port = server.port) =>
    diagnosed(['--resolver', dns.address, `http://${name}:${port}/`])

  it('tells that a port refuses', async () => {
    const report = await diagnosed([nobody.url])
    assert.equal(report.code, 'upstream_refused')
    assert.match(found(report, 'connection'), /127\.0\.0\.1:29999 refused: .*ECONNREFUSED/)
    assert.match(found(report, 'http'), /not reached/)
  })

  it('tells that a port is filtered, within the time that it was given', async () => {
    const filtered = new Filtered('127.0.0.1')
    try {
      const port = await filtered.port('127.0.0.1')
      const startedAt = performance.now()
      const report = await diagnosed([`http://127.0.0.1:${port}/`])
      assert.equal(report.code, 'upstream_connect_timeout')
      assert.match(found(report, 'connection'), /no answer: a firewall drops the packets/)
      assert.ok(performance.now() - startedAt < 5000)
    } finally {
      filtered.close()
    }
  })

  it('tells that an address cannot be reached', async () => {
    const report = await ask('nowhere.test')
    assert.equal(report.code, 'upstream_unreachable')
    assert.match(found(report, 'connection'), /255\.255\.255\.255:\d+ unreachable/)
  })

  it('finds the one of two addresses that refuses, although the call goes well at the other', async () => {
    const report = await ask('two.test')
    assert.equal(report.code, 'upstream_refused')
    assert.match(report.questions.up, /^Not everywhere: 127\.0\.0\.2:\d+ refused/)
    assert.match(found(report, 'http'), /note: 200 OK/)
    assert.match(report.next[0] ?? '', /^Remove 127\.0\.0\.2 from the name/)
  })

  it('finds IPv6 that hangs behind a good IPv4', async () => {
    const filtered = new Filtered('::1')
    try {
      const port = await filtered.port('::1')
      const other = await listen4(port)
      const report = await ask('both.test', port)
      await other.close()
      assert.equal(report.code, 'upstream_connect_timeout')
      assert.match(found(report, 'connection'), /note: 127\.0\.0\.1:\d+ connected/)
      assert.match(
        found(report, 'connection'),
        /\[::1\]:\d+ no answer.*clients that try IPv6 first/,
      )
    } finally {
      filtered.close()
    }
  })

  it('lets the address that tells most speak when none can be connected to', async () => {
    const report = await ask('both.test', nobody.port)
    assert.equal(report.code, 'upstream_refused')
    assert.match(found(report, 'connection'), /note: \[::1\]/)
  })
})

/** A server at a given port of 127.0.0.1. */
async function listen4(port: number): Promise<{ close(): Promise<void> }> {
  const server = createServer((_req, res) => void res.setHeader('Connection', 'close').end('ok'))
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return {
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
