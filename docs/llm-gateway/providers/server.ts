import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { type Json, Refusal } from './strict.js'

/** What one request needs of a provider. */
export interface Dialect {
  readonly name: string
  /** Refuses what has no key of this provider. */
  authorize(req: IncomingMessage): void
  /** Answers by path; refuses others. */
  route(req: IncomingMessage, body: Json): Answer
  /** The body of an error. */
  error(status: number, message: string): Json
  readonly headers: Readonly<Record<string, string>>
}

/** JSON, or the frames of a stream of events. */
export type Answer = { readonly json: Json } | { readonly frames: AsyncIterable<string> }

/** Statuses that a text can ask for, to see what a gateway makes of them. */
const STATUS = /answer with (\d{3})/

/** A server that speaks the dialect of a provider, and refuses what the provider would. */
export function providerServer(dialect: Dialect): Server {
  return createServer((req, res) => {
    void respond(dialect, req, res).catch((error: unknown) => {
      const { status, message } = error instanceof Refusal ? error : new Refusal(500, String(error))
      if (res.headersSent) res.destroy()
      else send(res, status, fieldsOf(dialect, status), dialect.error(status, message))
    })
  })
}

/** A limit tells when to come again. */
const fieldsOf = ({ headers }: Dialect, status: number): Dialect['headers'] =>
  status === 429 ? { ...headers, 'retry-after': '1' } : headers

async function respond(dialect: Dialect, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const text = await bodyOf(req)
  dialect.authorize(req)
  if (text.includes(`${dialect.name} is away`)) throw new Refusal(529, messageFor(529))
  const [, status] = STATUS.exec(text) ?? []
  if (status !== undefined) throw new Refusal(Number(status), messageFor(Number(status)))
  const answer = dialect.route(req, text === '' ? {} : (JSON.parse(text) as Json))
  if ('json' in answer) return send(res, 200, dialect.headers, answer.json)
  res.writeHead(200, { ...dialect.headers, 'content-type': 'text/event-stream' })
  for await (const frame of answer.frames) {
    if (res.destroyed) return
    await written(res, frame)
  }
  res.end()
}

/** A provider that dies has sent what came before. */
const written = (res: ServerResponse, frame: string): Promise<void> =>
  new Promise((resolve) => {
    res.write(frame, () => resolve())
  })

function messageFor(status: number): string {
  if (status === 400) return 'prompt is too long: 210000 tokens > 200000 maximum'
  return status === 529 ? 'Overloaded' : `You asked for ${status}.`
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of req) text += String(chunk)
  return text
}

function send(res: ServerResponse, status: number, headers: Dialect['headers'], body: Json): void {
  res.writeHead(status, { ...headers, 'content-type': 'application/json' })
  res.end(JSON.stringify(body))
}

/** Waits as the model does. */
export const pause = (ms: number | undefined): Promise<void> =>
  ms === undefined ? Promise.resolve() : wait(ms, undefined, { ref: false })
