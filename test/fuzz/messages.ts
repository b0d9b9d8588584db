import type { Random } from './random.js'

/** What a client or an upstream does when it has sent what it has to send. */
export type Then = 'stay' | 'end' | 'reset' | 'destroy' | 'deaf'

/** Bytes to send, and what comes after them. */
export interface Script {
  readonly packets: readonly Buffer[]
  readonly ending: Then
}

const METHODS = ['GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'FOO']
const TARGETS = [
  '/',
  '/a?b=c',
  '//x',
  '/%',
  '/a\x80',
  '*',
  'http://h/x',
  '/../x',
  `/${'y'.repeat(9000)}`,
]
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'

const REQUEST_FIELDS = [
  'Trailer: X-Sum',
  'TE: trailers',
  'Expect: 100-continue',
  'Content-Type: application/json',
  'Accept: text/html',
  'Accept: text/event-stream',
  'X-Odd: caf\xe9',
  'Cookie: a=b; c=d',
  'Content-Encoding: gzip',
  'Via: 1.1 gateway',
  'X-HTTP-Method-Override: PUT',
  'X-Bad\x01: a',
  'X-Bad: a\x00b',
]
const CONNECTIONS = [
  'close',
  'keep-alive',
  'content-length',
  'Transfer-Encoding, close',
  'TE',
  'x-odd',
]
const UPGRADES = ['websocket', 'h2c', 'foo/1', 'websocket, h2c']

const CHUNKS = [
  '5\r\nhello\r\n',
  '1;ext=1\r\n1\r\n',
  'A\r\n0123456789\r\n',
  '0005\r\nhello\r\n',
  'zz\r\n',
  '5\r\nhel',
]
const ENDS = ['0\r\n\r\n', '0\r\nX-Sum: 1\r\n\r\n', '0\r\nTrailer: a\x01\r\n\r\n', '', '0\r\n']

/** Fields that frame a body, and the body, right or wrong. */
function framed(random: Random): [fields: string[], body: string] {
  const body = random.pick(['', '{}', '[1,2]', 'hello', '{"a":'])
  const chunks = random.some(CHUNKS.slice(0, random.chance(0.9) ? 4 : 6), 0.5).join('')
  switch (random.below(7)) {
    case 0:
    case 1:
      return [[], '']
    case 2:
      return [[`Content-Length: ${body.length}`], body]
    case 3:
      return [[`Content-Length: ${body.length + 3}`], body]
    case 4:
      return [[`Content-Length: ${random.pick(['1', '-1', '1, 1', 'x'])}`], body]
    case 5:
      return [['Transfer-Encoding: chunked'], chunks + ENDS[0]]
    default: {
      const coding = random.pick([
        'chunked',
        'chunked',
        'gzip, chunked',
        'identity',
        'chunked, gzip',
      ])
      return [[`Transfer-Encoding: ${coding}`], chunks + random.pick(ENDS)]
    }
  }
}

function requestBytes(random: Random): string {
  const [framing, body] = framed(random)
  const fields = [
    ...random.some(REQUEST_FIELDS.slice(0, random.chance(0.9) ? 11 : 13), 0.15),
    ...framing,
  ]
  if (random.chance(0.95)) fields.push('Host: gateway')
  if (random.chance(0.15)) {
    fields.push('Connection: Upgrade', `Upgrade: ${random.pick(UPGRADES)}`, KEY)
  } else if (random.chance(0.6)) fields.push(`Connection: ${random.pick(CONNECTIONS)}`)
  const version = random.chance(0.9) ? '1.1' : '1.0'
  const target = random.chance(0.7) ? '/' : random.pick(TARGETS)
  return [`${random.pick(METHODS)} ${target} HTTP/${version}`, ...fields, '', body].join('\r\n')
}

const THENS: readonly Then[] = ['stay', 'stay', 'stay', 'end', 'reset', 'destroy', 'deaf']

/** What a client sends: some requests at once, mostly nearly right. */
export function requestScript(random: Random): Script {
  const count = random.chance(0.7) ? 1 : 1 + random.below(4)
  const text = Array.from({ length: count }, () => requestBytes(random)).join('')
  const noise = random.chance(0.03) ? '\x16\x03\x01rubbish' : ''
  return { packets: random.split(Buffer.from(noise + text, 'latin1')), ending: random.pick(THENS) }
}

const PLAIN = ['GET', 'HEAD', 'DELETE']
/** A good request, whose answer is to be the trouble; its path tells the upstream which. */
export function plainScript(random: Random, seed: number): Script {
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', KEY]
  const fields = random.chance(0.15) ? upgrade : random.some(['Connection: close'], 0.5)
  const accept = random.some(['Accept: text/html', 'Accept: text/event-stream'], 0.1)
  const line = `${random.pick(PLAIN)} /${seed} HTTP/1.${random.chance(0.8) ? 1 : 0}`
  const text = [line, 'Host: gateway', ...fields, ...accept, '', ''].join('\r\n')
  const then = random.chance(0.8) ? 'stay' : random.pick(THENS)
  return { packets: [Buffer.from(text)], ending: then }
}

const LINES = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'ICY']
const STATUSES = [200, 200, 200, 204, 206, 304, 404, 429, 500, 502, 503, 101, 99, 600, 999, 205]
const REASONS = ['OK', '', 'Caf\xe9', 'No\x01pe', 'a\x7fb', 'x'.repeat(300), 'a\tb']
const RESPONSE_FIELDS = [
  'Trailer: X-Sum',
  'Set-Cookie: a=b\r\nSet-Cookie: c=d',
  'Content-Type: text/event-stream',
  'Content-Type: application/json',
  'Content-Encoding: gzip',
  'Location: /elsewhere',
  'X-Odd: caf\xe9\xff',
  'X-Utf8: \xe6\x97\xa5',
  'Retry-After: soon',
  'Connection: close',
  'Connection: Trailer',
  'Upgrade: x',
  'Proxy-Status: "',
  'Content-Length: 3',
  'X-Control: a\x01b',
  ': none',
  `X-Large: ${'z'.repeat(20_000)}`,
]
const INTERIM = ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n']

/** What an upstream answers, often what Node refuses to read or to write again. */
export function answerScript(random: Random): Script {
  const [framing, body] = framed(random)
  const fields = random.some(RESPONSE_FIELDS.slice(0, random.chance(0.8) ? 13 : 17), 0.12)
  const line = `${random.pick(LINES)} ${random.pick(STATUSES)} ${random.pick(REASONS)}`
  const interim = random.some(INTERIM, 0.1).join('')
  const text = interim + [line, ...fields, ...framing, '', body].join('\r\n')
  const whole = Buffer.from(text, 'latin1')
  const bytes = random.chance(0.1) ? whole.subarray(0, random.below(whole.length)) : whole
  return { packets: random.split(bytes), ending: random.pick(['end', 'end', 'stay', 'reset']) }
}
