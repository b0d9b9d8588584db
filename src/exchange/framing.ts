import type { ClientRequest, IncomingMessage } from 'node:http'
import { http } from '../common/builtins.js'
import { hasBody } from '../content/framing.js'
import { isRedirecting, type Redirecting } from './redirects.js'

type Pipe = IncomingMessage['pipe']

/**
 * `pipe` of a request whose body keeps its framing in the call that it goes into: http-proxy takes the
 * chunks off a DELETE and an OPTIONS and announces no bytes, others take them off as a field of the
 * connection, and Node gives a call of such a method none. The upstream would take the body for the
 * next request (RFC 9112, section 6).
 */
export const pipeFramed = function pipe(this: IncomingMessage, target, options) {
  frame(this, target)
  return Reflect.apply(pipeOf(this), this, [target, options]) as typeof target
} as Pipe

const pipeOf = (req: IncomingMessage): Pipe => (Object.getPrototypeOf(req) as IncomingMessage).pipe

/** Gives the call chunks where it has no framing for the body. */
function frame(req: IncomingMessage, target: unknown): void {
  const fields = isRedirecting(target) ? target : undefined
  const call: unknown = fields ? fields._currentRequest : target
  if (!(call instanceof http.ClientRequest) || call.useChunkedEncodingByDefault) return
  if (call.headersSent || isFramed(call) || !(hasBody(req) || hasLostChunks(req))) return
  giveChunks(fields ?? call)
}

/** http-proxy takes the field off the request of the client. */
function hasLostChunks({ method, rawHeaders }: IncomingMessage): boolean {
  if (method !== 'DELETE' && method !== 'OPTIONS') return false
  return rawHeaders.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'transfer-encoding')
}

const isFramed = (call: ClientRequest): boolean =>
  call.hasHeader('transfer-encoding') || Number(call.getHeader('content-length') ?? 0) > 0

function giveChunks(call: ClientRequest | Redirecting): void {
  call.removeHeader('content-length')
  call.setHeader('Transfer-Encoding', 'chunked')
}
