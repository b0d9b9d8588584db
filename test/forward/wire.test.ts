import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { forward, type ForwardOptions, listener, problemDetails } from 'good-gateway'
import { problemIn } from '../support/problem.js'
import { dechunk, getLine, sendRaw } from '../support/raw-client.js'
import { answering, OK, type RawUpstream, startRawUpstream } from '../support/raw-upstream.js'
import { type Listening, listen } from '../support/servers.js'
import { until } from '../support/until.js'

describe('forward on the wire', () => {
  let upstream: RawUpstream
  let gateway: Listening
  let proxy: ReturnType<typeof forward>

  async function start(
    act?: Parameters<typeof startRawUpstream>[0],
    options: Omit<ForwardOptions, 'target'> & { readonly base?: string } = {},
  ): Promise<void> {
    const { base = '', ...rest } = options
    upstream = await startRawUpstream(act)
    proxy = forward({ forwarded: false, ...rest, target: upstream.url + base })
    gateway = await listen(createServer(listener(problemDetails(), proxy)))
  }

  afterEach(async () => {
    await gateway.close()
    await upstream.close()
    await proxy.close()
  })

  /** The lines of the head that has reached the upstream, without those that undici writes. */
  const linesAt = (text = upstream.received[0] ?? ''): string[] =>
    (text.split('\r\n\r\n', 1)[0] ?? '').split('\r\n')

  it('sends on fields in their order and spelling, several of one name too', async () => {
    await start()
    const fields = ['X-B: 1', 'aCCept: text/plain', 'x-b: 2', 'Cookie: a=1', 'ETAG: "\xe9"']
    const answer = await sendRaw(gateway.port, Buffer.from(getLine('/a', ...fields), 'latin1'))
    assert.equal(answer.body, 'ok')
    assert.deepEqual(linesAt(), [
      'GET /a HTTP/1.1',
      `host: 127.0.0.1:${upstream.port}`,
      'connection: keep-alive',
      'X-B: 1',
      'aCCept: text/plain',
      'x-b: 2',
      'Cookie: a=1',
      'ETAG: "\xe9"',
    ])
  })

  it('leaves out the fields of the hop, those that Connection lists, and Expect', async () => {
    await start()
    const fields = ['TE: trailers', 'Keep-Alive: timeout=9', 'Proxy-Connection: x', 'X-Hop: 1']
    const request = getLine(
      '/a',
      ...fields,
      'Trailer: X',
      'Proxy-Authorization: Basic eA==',
      'A: 1',
    )
    await sendRaw(gateway.port, request.replace('Connection: close', 'Connection: close, x-hop'))
    assert.deepEqual(linesAt().slice(3), ['A: 1'])
  })

  it('sends what the application has set, and not what it has removed', async () => {
    upstream = await startRawUpstream()
    proxy = forward({ target: upstream.url, forwarded: false })
    const change: Parameters<typeof listener>[0] = (req, _res, next) => {
      req.headers['x-user'] = 'ada'
      req.headers['a'] = 'changed'
      delete req.headers.cookie
      next()
    }
    gateway = await listen(createServer(listener(change, proxy)))
    const request = getLine('/', 'Cookie: a=1', 'A: 1', 'B: 2', 'X-User: eve')
    await sendRaw(gateway.port, request.replace('Connection: close', 'Connection: close, x-user'))
    assert.deepEqual(linesAt().slice(3), ['A: changed', 'B: 2', 'X-User: ada'])
  })

  for (const [option, expected] of [
    [
      'x-forwarded',
      [
        /^X-Forwarded-For: .*127\.0\.0\.1$/,
        /^X-Forwarded-Proto: http$/,
        /^X-Forwarded-Host: gateway$/,
      ],
    ],
    ['forwarded', [/^Forwarded: for="?\[?.*127\.0\.0\.1\]?"?;host=gateway;proto=http$/]],
    [false, []],
  ] as const) {
    it(`tells of the client by ${option}, and believes nothing that came`, async () => {
      await start(undefined, { forwarded: option })
      await sendRaw(
        gateway.port,
        getLine(
          '/',
          'X-Forwarded-For: 6.6.6.6',
          'x-forwarded-prefix: /x',
          'Forwarded: for=6.6.6.6',
          'X-Real-IP: 6.6.6.6',
          'X_Forwarded_For: 6.6.6.6',
        ),
      )
      const lines = linesAt().slice(3)
      assert.equal(lines.length, expected.length, lines.join('\n'))
      expected.forEach((pattern, at) => assert.match(lines[at] ?? '', pattern))
      assert.doesNotMatch(lines.join(), /6\.6\.6\.6/)
    })
  }

  it('appends to what came where that is trusted', async () => {
    await start(undefined, { forwarded: 'both', trust: true, via: 'edge' })
    await sendRaw(
      gateway.port,
      getLine(
        '/',
        'X-Forwarded-For: 6.6.6.6',
        'X-Forwarded-Proto: https',
        'Forwarded: for=6.6.6.6',
        'Via: 1.1 front',
      ),
    )
    const lines = linesAt().slice(3).join('\n')
    assert.match(lines, /^X-Forwarded-For: 6\.6\.6\.6, \S+$/m)
    assert.match(lines, /^X-Forwarded-Proto: https$/m)
    assert.match(lines, /^Forwarded: for=6\.6\.6\.6, for=/m)
    assert.match(lines, /^Via: 1\.1 front, 1\.1 edge$/m)
  })

  it('sets and removes fields, and names the host that the client has asked for', async () => {
    await start(undefined, { headers: { authorization: 'Bearer k', Cookie: null }, host: 'client' })
    await sendRaw(gateway.port, getLine('/', 'Authorization: mine', 'Cookie: a=1'))
    assert.deepEqual(linesAt().slice(1), [
      'host: gateway',
      'connection: keep-alive',
      'authorization: Bearer k',
    ])
  })

  it('keeps paths and queries byte for byte, behind the path of the target', async () => {
    for (const [path, expected] of [
      ['/a%2Fb/../c?x=%20&y=a+b&&=;"', '/base/a%2Fb/../c?x=%20&y=a+b&&=;"'],
      ['//x//y/?', '/base//x//y/?'],
      ['/%zz/%E9', '/base/%zz/%E9'],
      ['http://other.example/p?q', '/base/p?q'],
      ['http://other.example', '/base/'],
    ] as const) {
      await start(undefined, { base: '/base/' })
      const request = Buffer.from(getLine(path), 'latin1')
      const answer = await sendRaw(gateway.port, request)
      assert.equal(answer.status, 200, answer.text)
      assert.equal(linesAt()[0], `GET ${expected} HTTP/1.1`)
      await gateway.close()
      await upstream.close()
    }
    await start()
  })

  it('refuses a target that is no path', async () => {
    await start()
    const answer = await sendRaw(gateway.port, getLine('*').replace('GET', 'OPTIONS'))
    assert.equal(problemIn(answer).code, 'request_malformed')
  })

  it('passes on fields, several cookies and the reason as they came', async () => {
    await start(
      answering(
        'HTTP/1.1 203 Fine!\r\nSet-Cookie: a=1\r\nX-UPPER: "\xe9"\r\nset-cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n' +
          'Keep-Alive: timeout=1\r\nDate: now\r\nContent-Length: 2\r\n\r\nok',
      ),
    )
    const answer = await sendRaw(gateway.port, getLine('/'))
    assert.deepEqual(answer.head.split('\r\n'), [
      'HTTP/1.1 203 Fine!',
      'Set-Cookie: a=1',
      'X-UPPER: "\xe9"',
      'set-cookie: b=2',
      'Date: now',
      'Content-Length: 2',
      'Connection: close',
    ])
  })

  it('keeps the cookies that the application has set', async () => {
    upstream = await startRawUpstream(
      answering('HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok'),
    )
    proxy = forward({ target: upstream.url })
    const set: Parameters<typeof listener>[0] = (_req, res, next) => {
      res.setHeader('Set-Cookie', ['s=1', 't=2'])
      next()
    }
    gateway = await listen(createServer(listener(set, proxy)))
    const { head } = await sendRaw(gateway.port, getLine('/'))
    assert.deepEqual(head.match(/^Set-Cookie: .*$/gim), [
      'Set-Cookie: a=1',
      'Set-Cookie: s=1',
      'Set-Cookie: t=2',
    ])
  })

  it('passes on interim responses and trailers', async () => {
    await start(
      answering(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n' +
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=1\r\n\r\n',
      ),
    )
    const { text } = await sendRaw(gateway.port, getLine('/'))
    assert.ok(
      text.startsWith(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n',
      ),
      text,
    )
    assert.ok(text.endsWith('\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n'), text)
  })

  it('sends neither interim responses nor chunks nor trailers to HTTP/1.0', async () => {
    await start(
      answering(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
      ),
    )
    const { text } = await sendRaw(gateway.port, getLine('/').replace('HTTP/1.1', 'HTTP/1.0'))
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n(?:(?!Trailer|Transfer)[^\r]+\r\n)*\r\nok$/)
  })

  for (const [name, method, answer, expected] of [
    [
      'a HEAD',
      'HEAD',
      'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
      /^HTTP\/1\.1 200 OK\r\nContent-Length: 99\r\n(?:[^\r]+\r\n)*\r\n$/,
    ],
    [
      'a HEAD in chunks',
      'HEAD',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      /^HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)*\r\n$/,
    ],
    [
      '204',
      'GET',
      'HTTP/1.1 204 No Content\r\nETag: "1"\r\n\r\n',
      /^HTTP\/1\.1 204 No Content\r\nETag: "1"\r\n(?:(?!Content-Length|Transfer)[^\r]+\r\n)*\r\n$/,
    ],
    [
      '304',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 5\r\n\r\n',
      /^HTTP\/1\.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 5\r\n(?:[^\r]+\r\n)*\r\n$/,
    ],
    [
      'a range',
      'GET',
      'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab',
      /^HTTP\/1\.1 206 Partial Content\r\nContent-Range: bytes 0-1\/9\r\n[^]*\r\n\r\nab$/,
    ],
    [
      'an empty body',
      'GET',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      /^HTTP\/1\.1 200 OK\r\nContent-Length: 0\r\n(?:[^\r]+\r\n)*\r\n$/,
    ],
    [
      'a body that ends with the connection',
      'GET',
      'close:HTTP/1.1 200 OK\r\n\r\nabc',
      /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/,
    ],
  ] as const) {
    it(`passes on ${name}`, async () => {
      await start((socket, text) => {
        if (!text.includes('\r\n\r\n')) return
        if (answer.startsWith('close:')) socket.end(answer.slice(6))
        else socket.write(answer)
      })
      const { text } = await sendRaw(gateway.port, getLine('/').replace('GET', method))
      assert.match(text, expected)
    })
  }

  it('sends the head of a response on at once, before any byte of its body', async () => {
    await start(answering('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'))
    const client = connect(gateway.port, '127.0.0.1')
    client.write(getLine('/'))
    const [head] = (await once(client, 'data')) as [Buffer]
    assert.match(head.toString(), /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream/)
    client.destroy()
    await until(() => upstream.connections() === 0)
  })

  it('writes a comment into a stream of events that is silent, between two lines only', async () => {
    await start(
      (socket, text) => {
        if (!text.includes('\r\n\r\n')) return
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\ndata:')
        setTimeout(() => socket.write(' 2\n\n'), 200)
        setTimeout(() => socket.end('data: 3\n\n'), 400)
      },
      { keepAlive: 50 },
    )
    const { text } = dechunk((await sendRaw(gateway.port, getLine('/'))).body)
    assert.match(text, /^data: 1\n\ndata: 2\n\n(?::\n){1,4}data: 3\n\n$/)
  })

  it('answers with 502 where the upstream switches protocols that nobody has asked for', async () => {
    await start(
      answering('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    )
    const answer = await sendRaw(gateway.port, getLine('/'))
    assert.equal(problemIn(answer).code, 'upstream_upgrade_failed')
  })

  it('does not take a reset for the end of a body that ends with the connection', async () => {
    await start((socket, text) => {
      if (!text.includes('\r\n\r\n')) return
      socket.write('HTTP/1.1 200 OK\r\n\r\nabc')
      setTimeout(() => socket.resetAndDestroy(), 50)
    })
    const { body } = await sendRaw(gateway.port, getLine('/'))
    assert.deepEqual(dechunk(body), { text: 'abc', whole: false })
  })

  it('keeps the connection of a client whose request is answered before it was sent', async () => {
    await start((socket, text) => {
      if (text.startsWith('POST'))
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
      else socket.write(OK)
    })
    const client = connect(gateway.port, '127.0.0.1').setEncoding('latin1')
    let text = ''
    client.on('data', (part: string) => (text += part))
    const size = 8_000_000
    client.write(`POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: ${size}\r\n\r\n`)
    client.write('x'.repeat(1000))
    await until(() => text.includes('\r\n\r\nno'))
    client.write('x'.repeat(size - 1000))
    client.write(getLine('/next'))
    await once(client, 'close')
    assert.match(text, /^HTTP\/1\.1 403 Forbidden[^]*\r\n\r\nnoHTTP\/1\.1 200 OK[^]*\r\n\r\nok$/)
  })
})
