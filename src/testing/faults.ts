import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Code } from '../errors/codes.js'

/** One request to a faulty upstream, read to its end. */
export interface Asked {
  readonly res: ServerResponse
  /** For all that node:http would never write. */
  readonly socket: Socket
}

/** What an upstream does with a request, and which code a gateway makes of it. */
interface Row {
  readonly code: Code | undefined
  readonly act: (asked: Asked) => unknown
}

const head = (status: string, ...fields: readonly string[]): string =>
  [`HTTP/1.1 ${status}`, ...fields, '', ''].join('\r\n')

const JSON_TYPE = 'Content-Type: application/json'
const PART = head('200 OK', JSON_TYPE, 'Content-Length: 1000') + '{"orders":['
const EVENT = 'data: {"id":1}\n\n'
const EVENTS =
  head('200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked') +
  `${EVENT.length.toString(16)}\r\n${EVENT}\r\n`
/** More than the 16 KiB that Node reads. */
const LARGE = `X-Large: ${'x'.repeat(20 * 1024)}`

const bytes =
  (text: string): Row['act'] =>
  ({ socket }) =>
    socket.write(text)

const bytesAndEnd =
  (text: string): Row['act'] =>
  ({ socket }) =>
    socket.end(text)

const answer =
  (status: number, body: string, fields: Readonly<Record<string, string>> = {}): Row['act'] =>
  ({ res }) =>
    res.writeHead(status, { 'Content-Type': 'application/json', ...fields }).end(body)

const table = {
  well: { code: undefined, act: answer(200, '{"status":"ok"}') },
  refused: { code: 'upstream_refused', act: () => {} },
  reset: { code: 'upstream_connection_lost', act: ({ socket }) => socket.resetAndDestroy() },
  hang: { code: 'upstream_timeout', act: () => {} },
  'not-http': { code: 'upstream_protocol_error', act: bytesAndEnd('SSH-2.0-OpenSSH_9.9\r\n') },
  'large-head': {
    code: 'upstream_headers_too_large',
    act: bytesAndEnd(head('200 OK', LARGE, 'Content-Length: 0')),
  },
  half: { code: 'upstream_response_incomplete', act: bytesAndEnd(PART) },
  'half-events': { code: 'upstream_response_incomplete', act: bytesAndEnd(EVENTS) },
  stall: { code: 'upstream_idle_timeout', act: bytes(PART) },
  'stall-events': { code: 'upstream_idle_timeout', act: bytes(EVENTS) },
  'not-json': { code: 'upstream_response_invalid', act: answer(200, '<html>') },
  '429': { code: 'upstream_rate_limited', act: answer(429, '{}', { 'Retry-After': '3' }) },
  '500': { code: 'upstream_error', act: answer(500, '{"error":"its own"}') },
  '503': { code: 'upstream_overloaded', act: answer(503, '{}', { 'Retry-After': '7' }) },
} as const satisfies Record<string, Row>

/** A way in which an upstream fails, and `well`. */
export type Fault = keyof typeof table

/** What each fault does. */
export const acts: Readonly<Record<Fault, Row>> = table

/**
 * The code that a gateway makes of each fault; undefined for `well`.
 *
 * The codes of `429`, `500` and `503` are those of `upstreamErrors: 'wrap'`, else their answers pass. That
 * of `not-json` needs a schema for the response, those of `hang` and `stall` the times of
 * `circuitBreaker`. Where the head is out already, as with `half` and `stall`, only `onError` is told of
 * the code, and a client of events.
 */
export const faults: Readonly<Record<Fault, Code | undefined>> = /* @__PURE__ */ (() => {
  const codes = Object.entries(acts).map(([fault, { code }]) => [fault, code] as const)
  return Object.fromEntries(codes) as Record<Fault, Code | undefined>
})()
