import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Listening, listen } from '../servers.js'

/** The upstream of the matrix: what it does stands in the path. */
export interface Upstream extends Listening {
  /** Resolves when a request for the path has arrived, with the promise that it was left. */
  arrival(path: string): Promise<{ readonly left: Promise<void> }>
  /** Bodies that have arrived. */
  readonly bodies: readonly string[]
}

/** What JSON.stringify would not give back. */
export const OWN = '{ "own":true, "n":12345678901234567890 }'
export const PART = '{"orders":[{"id":"1"},'
export const EVENT = 'data: {"token":"Once"}\n\n'

const head = (status: string, ...fields: string[]) =>
  [`HTTP/1.1 ${status}`, ...fields, '', ''].join('\r\n')
const json = 'Content-Type: application/json'
const own = (status: string, ...fields: string[]) =>
  head(status, json, `Content-Length: ${OWN.length}`, 'Connection: close', ...fields) + OWN
const DATE = 'Date: Mon, 23 Nov 2026 08:00:00 GMT'

/** Bytes that end with the connection. */
const raw: Readonly<Record<string, string>> = {
  '/200': own('200 OK', DATE),
  '/404': own('404 Not Found', DATE),
  '/500': own('500 Internal Server Error', DATE),
  '/500-no-date': own('500 Internal Server Error'),
  '/502': own('502 Bad Gateway', DATE),
  '/502-no-date': own('502 Bad Gateway'),
  '/503': own('503 Service Unavailable', DATE, 'Retry-After: 7'),
  '/503-no-date': own('503 Service Unavailable', 'Retry-After: 7'),
  '/hang-up': '',
  '/not-http': 'SSH-2.0-OpenSSH_9.9\r\n',
  '/truncated': head('200 OK', json, 'Content-Length: 1000') + PART,
  '/truncated-sse':
    head('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked') +
    `${EVENT.length.toString(16)}\r\n${EVENT}\r\n`,
}

type Arrived = { readonly left: Promise<void> }

export async function startUpstream(): Promise<Upstream> {
  const waiting = new Map<string, (arrived: Arrived) => void>()
  const bodies: string[] = []
  const server = createServer((req, res) => {
    const path = req.url ?? ''
    const left = new Promise<void>((resolve) => res.once('close', () => resolve()))
    let body = ''
    req.setEncoding('utf8').on('data', (text: string) => (body += text))
    // A close with unread bytes would be a reset.
    req.once('end', () => {
      if (path === '/echo') bodies.push(body)
      act(req, res, body)
      waiting.get(path)?.({ left })
    })
  })
  return {
    ...(await listen(server)),
    bodies,
    arrival: (path) => new Promise((resolve) => waiting.set(path, resolve)),
  }
}

function act({ url = '', socket }: IncomingMessage, res: ServerResponse, body: string): void {
  const bytes = raw[url]
  if (bytes !== undefined) socket.end(bytes)
  else if (url === '/reset') socket.resetAndDestroy()
  else if (url === '/echo')
    res.writeHead(201, { 'Content-Length': body.length, Connection: 'close' }).end(body)
  else if (url === '/sse') res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(EVENT)
  // What is left hangs.
}
