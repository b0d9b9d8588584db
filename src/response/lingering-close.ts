import type { IncomingMessage } from 'node:http'

/** Most bytes of an unread request that are drained behind an answer. */
const MOST_BYTES = 64 * 1024 * 1024
/** Milliseconds that the client may take for them. */
const MOST_TIME = 2000

/**
 * Calls `done` once the rest of the request body has arrived, or a bound is reached.
 *
 * Many HTTP/1.1 clients write the whole body before they read; a connection that is closed under
 * them shows them a broken pipe instead of the answer (RFC 9112, section 9.6).
 */
export function drain(req: IncomingMessage, done: () => void): void {
  let left = MOST_BYTES
  const finish = () => {
    clearTimeout(timer)
    req.off('data', count).off('end', finish).off('close', finish)
    done()
  }
  const count = (chunk: Buffer | string) => {
    left -= chunk.length
    if (left < 0) finish()
  }
  const timer = setTimeout(finish, MOST_TIME).unref()
  req.unpipe()
  req.on('data', count).once('end', finish).once('close', finish)
  req.resume()
}
