import type { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** What an outgoing call has shown of the inside. */
interface Inside {
  /** Texts that no answer of ours may hold, and what each of them is. */
  readonly texts: Map<string, string>
  readonly ports: Set<string>
}

/** An answer of ours that held one of them. */
export interface Leak {
  readonly what: string
  readonly answer: string
}

/** Nothing of a stack, and no name that only Node or its libraries use. */
const NEVER =
  /\bat .+:\d+:\d+|\b(?:ECONN[A-Z]+|E[A-Z]*TIMEDOUT|ENOTFOUND|EAI_[A-Z]+|EPIPE|EPROTO|HPE_[A-Z_]+|UND_ERR[A-Z_]*|ERR_[A-Z_]{3,}|DEPTH_ZERO[A-Z_]*)\b|socket hang up|getaddrinfo|127\.0\.0\.1|node:internal/

/** Below that a text is found everywhere by chance. */
const SHORTEST = 4

/** Finds what of the inside an answer holds. */
export function leaksIn(answer: string, { texts, ports }: Inside): string[] {
  const found = [...texts].filter(([text]) => answer.includes(text)).map(([, what]) => what)
  const port = [...ports].find((each) => new RegExp(`(?<![\\w-])${each}(?![\\w-])`).test(answer))
  const word = NEVER.exec(answer)?.[0]
  return [...found, ...(port ? [`port ${port}`] : []), ...(word ? [`"${word}"`] : [])]
}

/** Watches every outgoing call of this process, and every answer that the gateway writes itself. */
export class LeakWatch {
  readonly inside: Inside = { texts: new Map(), ports: new Set() }
  readonly leaks: Leak[] = []
  /** How many answers have been looked at. */
  answers = 0
  #started = false

  start(): void {
    if (this.#started) return
    this.#started = true
    // Node 20 tells of a start only when the request has been sent.
    for (const name of ['http.client.request.created', 'http.client.request.start'])
      subscribe(name, (message) => this.#learnHttp((message as { request: HttpRequest }).request))
    subscribe('undici:request:create', (message) =>
      this.#learnUndici((message as { request: UndiciRequest }).request),
    )
    for (const name of ['http.client.request.error', 'undici:request:error'])
      subscribe(name, (message) => this.#learnMessage((message as { error: unknown }).error))
    this.#watchAnswers()
  }

  #learnHttp(request: HttpRequest): void {
    if (!isOfGateway()) return
    const [, port] = /:(\d+)$/.exec(String(request.getHeader('host') ?? '')) ?? []
    this.#learn(request.host, port, request.path)
  }

  #learnUndici({ origin, path }: UndiciRequest): void {
    if (!isOfGateway()) return
    const { hostname, port } = new URL(String(origin))
    this.#learn(hostname, port, path)
  }

  #learn(host: string | undefined, port: string | undefined, target = ''): void {
    const [path = '', query = ''] = target.split('?')
    if (port) this.inside.ports.add(port)
    for (const [text, what] of [
      [host ?? '', 'host'],
      [path, 'path'],
      [query, 'query'],
    ] as const) {
      if (text.length >= SHORTEST) this.inside.texts.set(text, `${what} ${text}`)
    }
  }

  #learnMessage(error: unknown): void {
    const message = error instanceof Error ? error.message : ''
    if (message.length >= SHORTEST) this.inside.texts.set(message, `message ${message}`)
  }

  #watchAnswers(): void {
    const { prototype } = ServerResponse
    const { writeHead, write, end } = prototype
    const ours = new WeakMap<ServerResponse, OutgoingHttpHeaders>()
    const look = (res: ServerResponse, chunk: unknown): void => {
      const fields = ours.get(res)
      if (fields) this.#check(JSON.stringify(fields) + asText(chunk))
      else if (asText(chunk).startsWith('\n\nevent: error\n')) this.#check(asText(chunk))
    }
    Object.assign(prototype, {
      writeHead(this: ServerResponse, ...args: unknown[]) {
        const fields = args.at(-1)
        if (isFields(fields) && 'Proxy-Status' in fields) ours.set(this, shown(this, fields))
        return Reflect.apply(writeHead, this, args)
      },
      write(this: ServerResponse, ...args: unknown[]) {
        look(this, args[0])
        return Reflect.apply(write, this, args)
      },
      end(this: ServerResponse, ...args: unknown[]) {
        look(this, args[0])
        return Reflect.apply(end, this, args)
      },
    })
  }

  #check(answer: string): void {
    // What `expose: 'full'` shows, it is to show.
    if (answer.includes(';details=')) return
    this.answers++
    for (const what of leaksIn(answer, this.inside)) this.leaks.push({ what, answer })
  }

  /** The leaks so far; forgets them, and the calls of the test. */
  take(): Leak[] {
    this.inside.texts.clear()
    this.inside.ports.clear()
    return this.leaks.splice(0)
  }
}

/** The one watch of this process. */
export const watch = new LeakWatch()

/** Whether a gateway makes the call at hand, and not a test as its client. */
function isOfGateway(): boolean {
  const { [Symbol.for('good-gateway.observer/2')]: observer } = globalThis as unknown as Record<
    symbol,
    { context: AsyncLocalStorage<unknown> } | undefined
  >
  return observer?.context.getStore() !== undefined
}

interface HttpRequest {
  readonly host?: string
  readonly path?: string
  getHeader(name: string): unknown
}
interface UndiciRequest {
  readonly origin: unknown
  readonly path: string
}

const isFields = (value: unknown): value is OutgoingHttpHeaders =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Fields that were set before, and those of the answer; media types look like paths. */
function shown(res: ServerResponse, fields: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { 'Content-Type': _type, ...others } = { ...res.getHeaders(), ...fields }
  return others
}

const asText = (chunk: unknown): string =>
  typeof chunk === 'string' || chunk instanceof Uint8Array
    ? Buffer.from(chunk as string).toString()
    : ''
