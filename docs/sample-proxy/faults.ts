import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { selfSigned } from './certificate.js'
import { about, type About, type ExtraFault, type FaultName, faultNames } from './fault-table.js'
import { run, type Running, Witness } from './server.js'

/** The faulty upstreams, running. */
export interface Faults {
  /** The faults that the sample proxy offers. */
  readonly names: readonly FaultName[]
  /** The same faults in words. */
  readonly about: Readonly<Record<FaultName, About>>
  /** Base URL that a proxy forwards to, without a path: whatever is asked there, the fault answers. */
  target(name: FaultName | ExtraFault): string
  /** What has reached a fault. */
  seen(name: FaultName | ExtraFault): Witness
  /** Destroys every connection and frees every port. */
  close(): Promise<void>
}

/** One request to a faulty upstream, read to its end. */
interface Call {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** For all that node:http would never write. */
  readonly socket: Socket
  /** The upstream has done what it wanted; a connection that closes now was not left by the client. */
  done: boolean
}

type Act = (call: Call) => void

const SLOW_MS = 1500
const SLOW_MAX_MS = 60_000
const BEFORE_RESET_MS = 50
const YEAR_MS = 365 * 86_400_000
const BIG_HEADER_BYTES = 20 * 1024

const head = (status: string, ...fields: string[]): string =>
  ['HTTP/1.1 ' + status, ...fields, '', ''].join('\r\n')
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

const JSON_TYPE = 'Content-Type: application/json'
const CHUNKED = 'Transfer-Encoding: chunked'
const PART = '{"orders":[{"id":"1","customer":"Ada"},'
const tokens = ['Once', ' upon'].map((content) => {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }]
  const data = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices,
  }
  return chunk(`data: ${JSON.stringify(data)}\n\n`)
})
const STREAM = head('200 OK', 'Content-Type: text/event-stream', CHUNKED) + tokens.join('')

const html = `<html>
<head><title>500 Internal Server Error</title></head>
<body><center><h1>500 Internal Server Error</h1></center><hr><center>lb</center></body>
</html>
`

/** Writes the bytes, then nothing more. */
const stall =
  (bytes = ''): Act =>
  ({ socket }) =>
    void socket.write(bytes)

/** Writes the bytes and closes in order (FIN). */
const fin =
  (bytes = ''): Act =>
  (call) => {
    call.done = true
    call.socket.end(bytes)
  }

const rst: Act = (call) => {
  call.done = true
  call.socket.resetAndDestroy()
}

/** Writes the bytes and resets, once the client has had the time to read: a reset may destroy them. */
const thenReset =
  (bytes: string): Act =>
  (call) => {
    call.socket.write(bytes)
    later(call, BEFORE_RESET_MS, () => rst(call))
  }

/** An answer of node:http, as any healthy server gives it. */
const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Act =>
  ({ res }) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(text)
  }

const slow: Act = (call) => {
  const query = new URLSearchParams(call.req.url?.split('?')[1])
  const asked = Number(query.get('ms') ?? SLOW_MS)
  const ms = Number.isFinite(asked) ? Math.min(Math.max(asked, 0), SLOW_MAX_MS) : SLOW_MS
  later(call, ms, () => answer(200, { status: 'ok', after_ms: ms })(call))
}

function later({ res }: Call, ms: number, act: () => void): void {
  const timer = setTimeout(act, ms)
  res.once('close', () => clearTimeout(timer))
}

const acts: Record<Exclude<FaultName, 'refused' | 'dns'> | ExtraFault, Act> = {
  reset: rst,
  hang: stall(),
  slow,
  html: answer(500, html, { 'Content-Type': 'text/html', Server: 'lb' }),
  'not-http': fin('SSH-2.0-OpenSSH_9.9\r\n'),
  'bad-status': fin(head('099 Nope', JSON_TYPE, 'Content-Length: 2') + '{}'),
  truncated: fin(head('200 OK', JSON_TYPE, 'Content-Length: 1000') + PART),
  'truncated-chunked': fin(head('200 OK', JSON_TYPE, CHUNKED) + chunk(PART)),
  'truncated-sse': fin(STREAM),
  rst: thenReset(head('200 OK', JSON_TYPE, 'Content-Length: 1000') + PART),
  surplus: fin(head('200 OK', JSON_TYPE, 'Content-Length: 15') + '{"status":"ok"}SURPLUS'),
  'huge-headers': fin(
    head('200 OK', JSON_TYPE, `X-Filler: ${'x'.repeat(BIG_HEADER_BYTES)}`, 'Content-Length: 2') +
      '{}',
  ),
  'tls-self-signed': answer(200, { status: 'ok' }),
  '500': answer(500, { error: 'stock_failed', message: 'The stock could not be read.' }),
  '503-retry-after': answer(
    503,
    { error: 'maintenance', message: 'Back in seven seconds.' },
    { 'Retry-After': '7' },
  ),
  '429': answer(
    429,
    { error: 'too_many_requests', message: 'One request every three seconds, please.' },
    { 'Retry-After': '3' },
  ),
  'hang-up': fin(),
  'rst-close-delimited': thenReset(head('200 OK', JSON_TYPE, 'Connection: close') + PART),
  'head-then-fin': fin(head('200 OK', JSON_TYPE, 'Content-Length: 1000')),
  'stall-body': stall(head('200 OK', JSON_TYPE, 'Content-Length: 1000') + PART),
  'sse-idle': stall(STREAM),
  '404': answer(404, { error: 'no_such_order', message: 'There is no such order.' }),
  '502-no-date': fin(
    head('502 Bad Gateway', JSON_TYPE, 'Content-Length: 17') + '{"error":"stale"}',
  ),
}

/** A port that was freed would not do: the next server may get it. This one is never given away. */
const NOBODY = 'http://127.0.0.1:29999'

/** Starts one server per fault on ports of 127.0.0.1 that nobody else has. */
export async function startFaults(): Promise<Faults> {
  const started = await Promise.all(Object.entries(acts).map(start))
  const unheard = new Witness()
  const servers = new Map<string, { readonly target: string; readonly witness: Witness }>([
    ['refused', { target: NOBODY, witness: unheard }],
    ['dns', { target: 'http://nonexistent.invalid:80', witness: unheard }],
    ...started.map((server) => [server.name, server] as const),
  ])
  const find = (name: string) => {
    const server = servers.get(name)
    if (server === undefined) throw new TypeError(`There is no fault "${name}".`)
    return server
  }
  return {
    names: faultNames,
    about,
    target: (name) => find(name).target,
    seen: (name) => find(name).witness,
    close: async () => void (await Promise.all(started.map(({ close }) => close()))),
  }
}

async function start([name, act]: [string, Act]) {
  const witness = new Witness()
  const listener = listen(act, witness)
  const secure = name === 'tls-self-signed'
  const server = secure
    ? // A sample that runs for long must not change this fault into that of an expired certificate.
      createTlsServer(selfSigned({ notAfter: new Date(Date.now() + YEAR_MS) }), listener)
    : createServer(listener)
  const { port, close }: Running = await run(server, witness)
  return { name, witness, close, target: `${secure ? 'https' : 'http'}://127.0.0.1:${port}` }
}

function listen(act: Act, witness: Witness): RequestListener {
  return (req, res) => {
    witness.saw('requests')
    const call: Call = { req, res, socket: req.socket, done: false }
    res.once('close', () => {
      if (!call.done && !res.writableFinished) witness.saw('aborted')
    })
    // A close with unread bytes would be a reset. The event never comes when the client leaves first.
    req.resume().once('end', () => act(call))
  }
}
