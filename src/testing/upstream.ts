import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { acts, type Fault } from './faults.js'

/** An upstream that fails on demand, at a port of 127.0.0.1. */
export interface FaultyUpstream {
  /** Its URL, without a path: whatever is asked there, it does the same. */
  readonly url: string
  /** How many requests have arrived. */
  readonly requests: number
  /**
   * Fails in another way from now on, or is `well` again; the URL stays.
   *
   * @throws {TypeError} when there is no such fault.
   */
  set(fault: Fault): Promise<void>
  /** Destroys every connection, and frees the port. */
  close(): Promise<void>
}

/**
 * Starts an upstream that fails in a way of your choice, for tests of your own gateway.
 *
 * @param fault How it fails at first; it is `well` by default. The object `faults` has all of them.
 * @throws {TypeError} when there is no such fault.
 * @example
 * const upstream = await faultyUpstream('reset')
 * // … a gateway in front of upstream.url answers 502 upstream_connection_lost
 * await upstream.set('well')
 * await upstream.close()
 */
export async function faultyUpstream(fault: Fault = 'well'): Promise<FaultyUpstream> {
  check(fault)
  let now = fault
  let requests = 0
  const server = createServer((req, res) => {
    requests++
    // A close with unread bytes would be a reset.
    req.resume().once('end', () => acts[now].act({ res, socket: req.socket }))
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  if (now === 'refused') await stop(server)
  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests
    },
    async set(next) {
      check(next)
      now = next
      if (next === 'refused') await stop(server)
      else if (!server.listening) await listen(server, port)
    },
    close: () => stop(server),
  }
}

function check(fault: Fault): void {
  if (Object.hasOwn(acts, fault)) return
  const known = Object.keys(acts).join(', ')
  throw new TypeError(`faultyUpstream: there is no fault "${String(fault)}"; use one of ${known}`)
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
