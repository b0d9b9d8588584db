import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { fieldOf, problemIn } from '../problem.js'
import { dechunk, getLine, type Received, sendRaw } from '../raw-client.js'
import { EVENT, OWN, PART, type Upstream } from './upstream.js'

/** The gateway of a cell, running. */
export interface Running {
  readonly port: number
  readonly upstream: Upstream
  readonly buffers: boolean
  readonly shares: boolean
}

/** One thing that happens to a gateway; `check` throws when the client is not served as it should be. */
export interface Case {
  readonly name: string
  /** Where the gateway forwards to, if not to the upstream. */
  readonly target?: 'refused' | 'dns'
  readonly proxyTimeout?: number
  check(running: Running): Promise<void>
}

const PATIENCE = 3000

/** Nothing may leave a client waiting. */
async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${PATIENCE} ms`)), PATIENCE)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const ask = (port: number, request: string): Promise<Received> =>
  soon(sendRaw(port, request), 'the end of the answer')

const bodyOf = ({ head, body }: Received): { text: string; whole: boolean } => {
  if (/^transfer-encoding: chunked/im.test(head)) return dechunk(body)
  return { text: body, whole: Number(fieldOf(head, 'content-length')) === body.length }
}

/** The upstream's own answer comes through as it is. */
const passes = (path: string, status: number): Case => ({
  name: path.slice(1),
  async check({ port }) {
    const received = await ask(port, getLine(path))
    assert.equal(received.status, status)
    assert.deepEqual(bodyOf(received), { text: OWN, whole: true })
    // express-http-proxy adds a charset by itself.
    assert.match(received.head, /^content-type: application\/json/im)
    assert.equal(fieldOf(received.head, 'proxy-status'), undefined)
  },
})

type Answered = Pick<Case, 'target' | 'proxyTimeout'> & { path?: string }

/** The gateway explains what happened. */
export const answers = (
  name: string,
  [status, code]: readonly [number, string],
  { path = `/${name}`, ...rest }: Answered = {},
): Case => ({
  name,
  ...rest,
  async check({ port }) {
    const received = await ask(port, getLine(path))
    assert.deepEqual([received.status, problemIn(received).code], [status, code])
  },
})

/** A body that dies is cut, or was never begun. */
function assertCut(received: Received, part: string): void {
  if (received.status === 502) {
    assert.equal(problemIn(received).code, 'upstream_response_incomplete')
    return
  }
  assert.equal(received.status, 200)
  const { text, whole } = bodyOf(received)
  assert.deepEqual([text, whole && !received.reset], [part, false])
}

const truncated: Case = {
  name: 'truncated',
  check: async ({ port }) => assertCut(await ask(port, getLine('/truncated')), PART),
}

const truncatedStream: Case = {
  name: 'truncated sse',
  async check({ port }) {
    const received = await ask(port, getLine('/truncated-sse'))
    if (received.status === 502) return assertCut(received, '')
    const { text, whole } = bodyOf(received)
    assert.equal(whole, false)
    assert.ok(text.startsWith(EVENT), text)
    assert.match(text, /\n\nevent: error\ndata: \{.*"code":"upstream_response_incomplete".*\}\n\n$/)
  },
}

/** A client that leaves takes the call to the upstream with it, unless others may wait for the call. */
const leaves = (name: string, path: string, request = getLine(path)): Case => ({
  name,
  async check({ port, upstream, buffers, shares }) {
    const arrival = upstream.arrival(path)
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {}).write(request)
    try {
      const { left } = await soon(arrival, 'the call to the upstream')
      if (path === '/sse' && !buffers) await soon(once(client, 'data'), 'the first event')
      client.destroy()
      if (!shares || name !== 'GET left')
        return await soon(left, 'the end of the call to the upstream')
      await ask(port, getLine('/200'))
      assert.equal(await Promise.race([left.then(() => 'left'), setImmediate('open')]), 'open')
    } finally {
      client.destroy()
    }
  },
})

const TRICKY = ' {"n" :12345678901234567890,\t"s":"\\u00e9" } '
const post = (path: string, body: string): string =>
  getLine(path, 'Content-Type: application/json', `Content-Length: ${body.length}`).replace(
    'GET',
    'POST',
  ) + body

const checkedPost: Case = {
  name: 'POST with a schema',
  async check({ port, upstream }) {
    const wrong = await ask(port, post('/echo', '{"m":1}'))
    assert.deepEqual([wrong.status, problemIn(wrong).code], [400, 'request_invalid'])
    assert.deepEqual(upstream.bodies, [])
    const right = await ask(port, post('/echo', TRICKY))
    assert.deepEqual([right.status, bodyOf(right).text], [201, TRICKY])
    assert.deepEqual(upstream.bodies, [TRICKY])
  },
}

/** Everything that is tried with each gateway. */
export const cases: readonly Case[] = [
  passes('/200', 200),
  passes('/404', 404),
  passes('/500', 500),
  passes('/500-no-date', 500),
  passes('/502', 502),
  passes('/502-no-date', 502),
  passes('/503', 503),
  passes('/503-no-date', 503),
  answers('refused', [502, 'upstream_refused'], { target: 'refused' }),
  answers('dns', [502, 'upstream_dns_failed'], { target: 'dns' }),
  answers('reset', [502, 'upstream_connection_lost']),
  answers('hang-up', [502, 'upstream_connection_lost']),
  answers('not-http', [502, 'upstream_protocol_error']),
  answers('proxy timeout', [504, 'upstream_timeout'], { path: '/hang', proxyTimeout: 150 }),
  truncated,
  truncatedStream,
  leaves('GET left', '/hang'),
  leaves('POST left', '/hang', post('/hang', '{}')),
  leaves('sse left', '/sse'),
  checkedPost,
]
