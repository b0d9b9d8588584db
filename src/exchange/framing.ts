import { losesFraming } from '../content/framing.js'
import { GatewayError } from '../errors/gateway-error.js'
import { peekBody } from './body.js'
import type { Exchange } from './exchange.js'

/** Bounds of what is read of a body to learn its length. */
const BOUNDS = { limit: 1024 * 1024, timeout: 30_000, place: {} }

/**
 * Keeps the framing of a request whose framing proxies lose: http-proxy takes the chunks off a DELETE
 * and an OPTIONS and announces no bytes, and the upstream would take the body for the next request.
 * Its length is learned, and announced. Undefined for all other requests.
 */
export function framed(exchange: Exchange): Promise<unknown> | undefined {
  const { req } = exchange
  if (!losesFraming(req)) return undefined
  const coding = req.headers['transfer-encoding'] ?? ''
  // What somebody has read leaves no bytes to announce.
  if (req.readableDidRead || req.readableEnded) return undefined
  if (coding.trim().toLowerCase() !== 'chunked')
    return Promise.reject(new GatewayError('unsupported_content_encoding'))
  return peekBody(exchange, BOUNDS)
}
