import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { forward, listener, problemDetails } from 'good-gateway'
import { sendRaw } from '../support/raw-client.js'
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.js'
import { type Listening, listen } from '../support/servers.js'

/** What an attacker hides in a body. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'
const { length } = HIDDEN
const chunked = `${length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`
const CHUNKS = [
  'transfer-encoding: chunked',
  `\r\n${length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
]
const COUNTED = [`content-length: ${length}`, `\r\n${HIDDEN}`]

/** A request, and how it reaches the upstream: its last field and its body; or `refused`. */
const vectors: [name: string, request: string, atUpstream: readonly string[] | 'refused'][] = [
  ['a counted body', `POST / HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`, COUNTED],
  ['a chunked body', `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`, CHUNKS],
  [
    'a chunked body of a DELETE',
    `DELETE / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    CHUNKS,
  ],
  [
    'a chunked body of an OPTIONS',
    `OPTIONS / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    CHUNKS,
  ],
  [
    'a chunked body of a GET',
    `GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    CHUNKS,
  ],
  [
    'a counted body of a GET',
    `GET / HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    COUNTED,
  ],
  [
    'a counted body of a DELETE',
    `DELETE / HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    COUNTED,
  ],
  [
    'chunks with an extension',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked.replace('\r\n', ';a="b"\r\n')}`,
    CHUNKS,
  ],
  [
    'chunks with trailers',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked.replace(/0\r\n\r\n$/, '0\r\nX-Sum: 9\r\n\r\n')}`,
    CHUNKS,
  ],
  [
    'no body in chunks',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ['content-length: 0', '\r\n'],
  ],
  [
    'an option of the connection that names Content-Length',
    `POST / HTTP/1.1\r\nConnection: content-length\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    COUNTED,
  ],
  [
    'an option of the connection that names Transfer-Encoding',
    `POST / HTTP/1.1\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    CHUNKS,
  ],
  [
    'Expect',
    `POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    COUNTED,
  ],
  [
    'a wish for HTTP/2',
    `POST / HTTP/1.1\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    COUNTED,
  ],
  [
    'a field that looks like one of the framing',
    `POST / HTTP/1.1\r\nTransfer_Encoding: chunked\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    ['Transfer_Encoding: chunked', ...COUNTED],
  ],
  [
    'Content-Length and chunks',
    `POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    'refused',
  ],
  [
    'chunks and Content-Length',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
    'refused',
  ],
  [
    'two lengths',
    `POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: ${length}\r\n\r\n${HIDDEN}`,
    'refused',
  ],
  ['a list of lengths', `POST / HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\n${HIDDEN}`, 'refused'],
  ['a length with a sign', `POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\n${HIDDEN}`, 'refused'],
  [
    'a coding that is not the last',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n${chunked}`,
    'refused',
  ],
  [
    'an unknown coding',
    `POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n${chunked}`,
    'refused',
  ],
  [
    'a space before the colon',
    `POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
    'refused',
  ],
  [
    'a folded line',
    `POST / HTTP/1.1\r\nA: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
    'refused',
  ],
  [
    'a line feed without a carriage return',
    `POST / HTTP/1.1\r\nA: b\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
    'refused',
  ],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nA: \0\r\n\r\n', 'refused'],
  [
    'a bad size of a chunk',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n',
    'refused',
  ],
]

describe('the framing of forward', () => {
  let upstream: RawUpstream
  let gateway: Listening
  let proxy: ReturnType<typeof forward>

  beforeEach(async () => {
    upstream = await startRawUpstream()
    proxy = forward({ target: upstream.url, forwarded: false })
    gateway = await listen(createServer(listener(problemDetails(), proxy)))
  })

  afterEach(async () => {
    await gateway.close()
    await upstream.close()
    await proxy.close()
  })

  for (const [name, request, atUpstream] of vectors)
    it(`is not confused by ${name}`, async () => {
      const fields = request.includes('\r\nConnection: ')
        ? request.replace('\r\nConnection: ', '\r\nHost: gateway\r\nConnection: close, ')
        : request.replace('\r\n', '\r\nHost: gateway\r\nConnection: close\r\n')
      const answer = await sendRaw(gateway.port, Buffer.from(fields, 'latin1'))
      const whole = upstream.received.join('\n--\n')
      if (atUpstream === 'refused') {
        assert.match(answer.text, /^HTTP\/1\.1 400 /)
        assert.doesNotMatch(whole, /hidden/)
        return
      }
      assert.match(answer.text, /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 OK/)
      const start = `${request.split('\r\n')[0]}\r\nhost: 127.0.0.1:${upstream.port}\r\n`
      assert.equal(
        whole.replace(/connection: (?:keep-alive|close)\r\n/, ''),
        start + atUpstream.join('\r\n'),
      )
    })
})
