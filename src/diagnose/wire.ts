import { Agent, type ClientRequest, request } from 'node:http'
import { Agent as SecureAgent, request as requestSecurely } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type Address, type ApiCall, hostOf, isSecure, portOf } from './call.js'
import { Exchange } from './exchange.js'
import { since } from './finding.js'
import type { Answer } from './received.js'

/** One connection to a server, on which requests follow each other. */
export interface Wire {
  /** Makes a request, and resolves with whatever became of it. Never rejects. */
  ask(call: ApiCall, timeout: number): Promise<Answer>
  /** Leaves the connection alone for so long, or until the server closes it. */
  idle(ms: number): Promise<Idle>
  /** Whether the connection could take another request. */
  isOpen(): boolean
  close(): void
}

/** What a server did with a connection that nobody used. */
export interface Idle {
  /** Milliseconds after which it was closed; undefined when it was not. */
  readonly closedAfter: number | undefined
  /** Whether bytes came although nobody had asked. */
  readonly surplus: boolean
}

/** Prepares a connection to an address; it is made by the first request. */
export function openWire(address: Address, url: URL): Wire {
  const options = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 }
  const agent = isSecure(url) ? new SecureAgent(options) : new Agent(options)
  let socket: Socket | undefined
  const isOpen = (): boolean =>
    socket !== undefined && !socket.destroyed && socket.readable && socket.writable
  return {
    ask: (call, timeout) =>
      new Exchange(start(call, address, agent), call, timeout, (used) => (socket = used)).done,
    idle: (ms) => watchIdle(socket, isOpen() ? ms : 0),
    isOpen,
    close: () => {
      agent.destroy()
      socket?.destroy()
    },
  }
}

/** @throws what node:http throws for a head that it cannot write. */
function start(call: ApiCall, { address }: Address, agent: Agent): ClientRequest {
  const { url, method, headers, body } = call
  const host = hostOf(url)
  const fields = headers.flatMap(([name, value]) => [name, value])
  const has = (name: string): boolean => headers.some(([each]) => each.toLowerCase() === name)
  if (!has('host')) fields.unshift('Host', url.host)
  if (body !== undefined) fields.push('Content-Length', String(body.length))
  if (!has('connection')) fields.push('Connection', 'keep-alive')
  const options = {
    host: address,
    port: portOf(url),
    // An address is no server name; the certificate is compared with it all the same.
    servername: isIP(host) ? '' : host,
    path: url.pathname + url.search,
    method,
    agent,
    headers: fields,
  }
  return isSecure(url) ? requestSecurely(options) : request(options)
}

/** The end of a TLS connection is told in a record, which is none of the answer's. */
const CLOSE_NOTIFY = 64

/** Watches a connection that nobody uses. */
function watchIdle(socket: Socket | undefined, ms: number): Promise<Idle> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    if (socket === undefined || ms === 0) return resolve(QUIET)
    const before = socket.bytesRead + (socket instanceof TLSSocket ? CLOSE_NOTIFY : 0)
    const end = (found: Idle) => {
      clearTimeout(timer)
      socket.off('data', onData).off('end', onEnd).off('error', onEnd).off('close', onEnd)
      resolve(found)
    }
    const onData = () => end({ closedAfter: undefined, surplus: true })
    const onEnd = () => {
      // The agent must not use it again, although this side has not closed.
      socket.destroy()
      // From Node 24 on, the agent destroys a free socket that gets bytes, and nobody sees them.
      const surplus = socket.bytesRead > before
      end({ closedAfter: surplus ? undefined : since(startedAt), surplus })
    }
    const timer = setTimeout(end, ms, QUIET)
    socket.once('data', onData).once('end', onEnd).once('error', onEnd).once('close', onEnd)
  })
}

const QUIET: Idle = { closedAfter: undefined, surplus: false }
