import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { type Listening, listen } from '../support/servers.js'
import { diagnosed, found, type Report } from './command.js'
import { rawServer, reply, whole } from './raw-server.js'

type Diagnosed = Report & { readonly exit: number }

/** Diagnoses a server that is there for this one run. */
async function at(server: Promise<Listening>, ...args: readonly string[]): Promise<Diagnosed> {
  const { url, close } = await server
  try {
    return await diagnosed([...args, url])
  } finally {
    await close()
  }
}

const raw = (act: Parameters<typeof rawServer>[0], ...args: readonly string[]) =>
  at(rawServer(act), ...args)
const http = (act: RequestListener, ...args: readonly string[]) =>
  at(listen(createServer(act)), ...args)

const OPEN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const isHead = (request: string): boolean => request.startsWith('HEAD')

describe('diagnose: the call', function () {
  this.timeout(20_000)

  describe('what is no HTTP', () => {
    for (const [what, bytes] of [
      ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n'],
      ['Redis', "-ERR unknown command 'GET'\r\n"],
      ['HTTP/2', Buffer.from('000012040000000000', 'hex').toString('latin1')],
      ['SMTP or FTP', '220 mail.test ESMTP\r\n'],
    ] as const) {
      it(`tells ${what} by its first bytes`, async () => {
        const report = await raw((socket) => socket.end(bytes, 'latin1'))
        assert.equal(report.code, 'upstream_protocol_error')
        assert.match(found(report, 'http'), new RegExp(`speaks ${what}, not HTTP/1\\.1`))
      })
    }

    it('shows what came when it is not known, without what a terminal would obey', async () => {
      const report = await raw((socket) => socket.end('\u001b[31mHELLO\r\n'))
      assert.equal(report.code, 'upstream_protocol_error')
      assert.match(found(report, 'http'), /not valid HTTP: "\[31mHELLO"/)
    })
  })

  describe('framing', () => {
    for (const [does, answer, code, said] of [
      [
        'breaks its chunks',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n',
        'upstream_protocol_error',
        /broke after 5 bytes \(HPE_INVALID_CHUNK_SIZE\)/,
      ],
      [
        'has two lengths',
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'upstream_protocol_error',
        /not valid HTTP/,
      ],
      [
        'names a transfer coding that gateways do not know',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\nabc',
        'upstream_protocol_error',
        /the transfer coding is "gzip"/,
      ],
      [
        'switches protocols unasked',
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
        'upstream_upgrade_failed',
        /nobody asked for it/,
      ],
      [
        'ends after an interim answer',
        'HTTP/1.1 102 Processing\r\n\r\n',
        'upstream_connection_lost',
        /before an answer/,
      ],
      [
        'has the status 600',
        'HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n',
        'upstream_protocol_error',
        /600/,
      ],
    ] as const) {
      it(`finds an answer that ${does}`, async () => {
        const report = await raw((socket) => socket.end(answer))
        assert.equal(report.code, code, JSON.stringify(report, null, 1))
        assert.match(found(report, 'http'), said)
      })
    }

    it('finds bytes that come later, when nobody has asked', async () => {
      const report = await raw((socket) => {
        socket.write(OPEN)
        setTimeout(() => socket.write('SURPLUS'), 50)
      })
      assert.equal(report.code, 'upstream_protocol_error')
      assert.match(found(report, 'http'), /more bytes come after the whole body/)
    })

    it('warns of a body whose end only a close tells, and of HTTP/1.0', async () => {
      const report = await raw((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nhello'))
      assert.equal(report.exit, 0)
      assert.match(found(report, 'http'), /note: the server speaks HTTP\/1\.0/)
      assert.match(found(report, 'http'), /warning: .*nobody can tell its end/)
    })

    it('warns of a large head, and names the field', async () => {
      const cookie = `Set-Cookie: a=${'x'.repeat(6000)}`
      const report = await raw(reply('200 OK', [cookie]))
      assert.equal(report.exit, 0)
      assert.match(
        found(report, 'http'),
        /warning: the head has 5\.9 KB, most of it in "Set-Cookie"/,
      )
    })

    it('tells of interim answers', async () => {
      const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n'
      const report = await raw((socket, request) => {
        socket.write(early)
        reply('200 OK', [], 'ok')(socket, request)
      })
      assert.match(found(report, 'http'), /interim answers before it: 103/)
    })
  })

  describe('the second request on the connection', () => {
    it('is answered by a good server, which has counted one connection', async () => {
      let connections = 0
      const server = createServer((_req, res) => void res.end('ok'))
      server.on('connection', () => (connections += 1))
      const report = await at(listen(server))
      assert.match(found(report, 'http'), /a second request on the same connection was answered/)
      // One is made to see whether there is a connection, the other for both requests.
      assert.equal(connections, 2)
    })

    it('is lost where the server closes after an answer without a word', async () => {
      const report = await raw((socket, request) =>
        socket.end(isHead(request) ? OPEN.slice(0, -2) : OPEN),
      )
      assert.equal(report.code, 'upstream_connection_lost')
      assert.match(found(report, 'http'), /fault: .*closes the connection .* without saying so/)
      assert.match(report.questions.up, /^Yes, but not every time/)
    })

    it('is lost where the server resets it', async () => {
      const report = await raw((socket, _request, count) => {
        if (count === 1) socket.write(OPEN)
        else socket.resetAndDestroy()
      })
      assert.equal(report.code, 'upstream_connection_lost')
      assert.match(
        found(report, 'http'),
        /a second request on the same connection was not answered/,
      )
    })

    it('warns of an idle timeout that the server announces', async () => {
      const server = createServer((_req, res) => void res.end('ok'))
      server.keepAliveTimeout = 5000
      const report = await at(listen(server))
      assert.equal(report.exit, 0)
      assert.match(found(report, 'http'), /warning: .*idle connections after 5 s, load balancers/)
    })

    it('measures one that the server keeps to itself', async () => {
      const report = await raw(
        (socket) => {
          socket.write(OPEN)
          setTimeout(() => socket.end(), 600)
        },
        '--idle',
        '2',
      )
      assert.equal(report.exit, 0)
      assert.match(
        found(report, 'http'),
        /warning: the server closes idle connections after [\d.]+ m?s, load balancers/,
      )
    })

    it('is not made where it would add to the load', async () => {
      let count = 0
      await http((_req, res) => {
        count += 1
        res.writeHead(429).end()
      })
      assert.equal(count, 1)
    })

    it('never repeats a POST', async () => {
      const methods: (string | undefined)[] = []
      const report = await http(
        (req, res) => {
          methods.push(req.method)
          req.resume().once('end', () => res.end('ok'))
        },
        '-d',
        '{"a":1}',
      )
      assert.equal(report.exit, 0)
      assert.deepEqual(methods, ['POST', 'HEAD'])
    })
  })

  describe('HEAD against GET', () => {
    it('warns where they differ', async () => {
      const report = await http((req, res) => {
        const length = req.method === 'HEAD' ? 7 : 2
        res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': length })
        res.end(req.method === 'HEAD' ? undefined : 'ok')
      })
      assert.match(
        found(report, 'http'),
        /warning: HEAD does not say what GET says: content-length/,
      )
      const refused = await http(
        (req, res) => void res.writeHead(req.method === 'HEAD' ? 405 : 200).end(),
      )
      assert.match(found(refused, 'http'), /the status is 405, not 200/)
    })
  })

  describe('time', () => {
    it('gives up a server that never ends its head', async () => {
      const timers: NodeJS.Timeout[] = []
      const report = await raw((socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n')
        timers.push(setInterval(() => socket.write('X-More: y\r\n'), 50))
      })
      timers.forEach(clearInterval)
      assert.equal(report.code, 'upstream_timeout')
    })

    it('stops to read a body without an end, which is no fault of it', async () => {
      const timers: NodeJS.Timeout[] = []
      const startedAt = performance.now()
      const report = await http((_req, res) => {
        timers.push(setInterval(() => res.write('x'.repeat(100_000)), 10))
      })
      timers.forEach(clearInterval)
      assert.equal(report.exit, 0)
      assert.match(found(report, 'http'), /no end after .* MB/)
      assert.ok(performance.now() - startedAt < 6000)
    })

    it('reads no more than 64 MB, however fast they come', async () => {
      const part = Buffer.alloc(65_536, 'x')
      const report = await http(
        (_req, res) => {
          const more = (): void => {
            while (!res.destroyed && res.write(part));
            res.once('drain', more)
          }
          more()
        },
        '--timeout',
        '15',
      )
      assert.equal(report.exit, 0)
      assert.match(found(report, 'http'), /no end after [\d.]+ m?s and 64(?:\.\d)? MB/)
    })

    it('warns of a clock that is not this one', async () => {
      const date = new Date(Date.now() - 3 * 3_600_000).toUTCString()
      const report = await raw(reply('200 OK', [`Date: ${date}`], 'ok'))
      assert.match(found(report, 'http'), /warning: the clock of the server is 3 h behind/)
    })
  })

  describe('redirections', () => {
    it('are followed, and shown without the values of their query', async () => {
      const report = await http((req, res) => {
        if (req.url === '/end?token=secret-9') return void res.end('ok')
        res.writeHead(302, { Location: '/end?token=secret-9' }).end()
      })
      assert.equal(report.exit, 0)
      assert.equal(report.redirections.length, 1)
      assert.match(report.redirections[0]?.to ?? '', /\/end\?token=…$/)
      assert.doesNotMatch(JSON.stringify(report), /secret-9/)
    })

    it('that go in a circle are a loop', async () => {
      const report = await http((req, res) => {
        res.writeHead(301, { Location: req.url === '/a' ? '/b' : '/a' }).end()
      })
      assert.equal(report.code, 'loop_detected')
      assert.match(found(report, 'http'), /go in a circle: .*\/a comes again/)
    })

    it('without an end are given up after ten', async () => {
      let count = 0
      const report = await http((req, res) => {
        if (req.method === 'GET') count += 1
        res.writeHead(302, { Location: `/${count}` }).end()
      })
      assert.equal(report.code, 'loop_detected')
      assert.match(found(report, 'http'), /more than 10 redirections/)
      assert.equal(count, 11)
    })

    it('take no credentials to another origin, and warn of a lost body', async () => {
      let heard: object = {}
      const other = await listen(
        createServer((req, res) => {
          if (req.method === 'GET') heard = req.headers
          res.end('ok')
        }),
      )
      const report = await http(
        (_req, res) => void res.writeHead(303, { Location: other.url }).end(),
        '-H',
        'Authorization: Bearer t0psecret',
        '-H',
        'X-Api-Key: k3y-123456',
        '-H',
        'X-Trace: 7',
        '-d',
        '{}',
      )
      await other.close()
      assert.equal(report.exit, 0)
      assert.ok(!('authorization' in heard) && !('x-api-key' in heard) && 'x-trace' in heard)
      assert.match(found(report, 'http'), /warning: 303 made a GET of the POST, its body is lost/)
      assert.match(found(report, 'http'), /warning: credentials are not sent on to another origin/)
    })

    it('to nowhere are diagnosed where they lead', async () => {
      const report = await http(
        (_req, res) => void res.writeHead(302, { Location: 'http://127.0.0.1:29999/' }).end(),
      )
      assert.equal(report.code, 'upstream_refused')
      assert.match(found(report, 'http'), /redirected \(302\) to http:\/\/127\.0\.0\.1:29999\//)
    })
  })

  it('sends the very call: method, fields in their order, and body', async () => {
    const seen: string[] = []
    const server = await rawServer((socket, request) => {
      seen.push(request)
      socket.end(whole('200 OK', []))
    })
    await diagnosed([
      '-X',
      'PUT',
      '-H',
      'X-One: 1',
      '-H',
      'x-two: 2',
      '-d',
      'a=b',
      `${server.url}/p?q=1`,
    ])
    await server.close()
    const [first = ''] = seen
    assert.match(
      first,
      /^PUT \/p\?q=1 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nX-One: 1\r\nx-two: 2\r\n/,
    )
    assert.match(first, /\r\nContent-Type: application\/x-www-form-urlencoded\r\n/)
    assert.match(first, /\r\nContent-Length: 3\r\n[^]*\r\n\r\na=b$/)
  })
})
