// The process of the upstream of all gateways.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { answer } from './child.js'
import { listen } from './listen.js'
import { answerAsModel } from './model.js'

const EVENTS = 20
const BETWEEN = 10

const thing = Buffer.from(JSON.stringify({ id: 1, name: 'thing', text: 'x'.repeat(150) }))
const accepted = Buffer.from('{"status":"accepted"}')
/** The number of a file is that of its parts of 10 MB. */
const PART = 10_000_000
const file = Buffer.alloc(5 * PART, 'x')
const event = `data: ${JSON.stringify({ delta: 'x'.repeat(50) })}\n\n`

const handlers: Record<string, (req: IncomingMessage, res: ServerResponse) => void> = {
  things: (_req, res) => send(res, 'application/json', thing),
  orders: (req, res) => {
    req.resume().once('end', () => send(res, 'application/json', accepted))
  },
  files: (req, res) =>
    send(res, 'application/octet-stream', file.subarray(0, PART * Number(partOf(req, 2)))),
  v1: answerAsModel,
  events: (req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
    let left = Number(partOf(req, 2) ?? EVENTS)
    const timer = setInterval(() => {
      res.write(event)
      left -= 1
      if (left > 0) return
      clearInterval(timer)
      res.end()
    }, BETWEEN)
  },
}

const partOf = ({ url = '' }: IncomingMessage, at: number) => url.split('/')[at]

function send(res: ServerResponse, type: string, body: Buffer): void {
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length }).end(body)
}

const server = createServer((req, res) => handlers[partOf(req, 1) ?? '']?.(req, res))

answer({ listen: () => listen(server), close: () => void server.close() })
