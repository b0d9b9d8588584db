import type { IncomingMessage } from 'node:http'

/** Comments are removed first, since they may contain commas (RFC 9110, section 5.6.5). */
const COMMENT = /\([^()]*\)/g

/**
 * Whether a request has already passed the gateway of this name, by `Via` (RFC 9110, section 7.6.3) or
 * `CDN-Loop` (RFC 8586).
 */
export function hasPassed({ headers }: Pick<IncomingMessage, 'headers'>, name: string): boolean {
  const { via, 'cdn-loop': cdnLoop } = headers
  if (via === undefined && cdnLoop === undefined) return false
  // "1.1 name", "HTTP/1.1 name:8080 (comment)", and "name; parameter".
  const passed = [
    ...entries(via?.replace(COMMENT, '')).map((entry) => entry.split(/\s+/)[1]),
    ...entries(cdnLoop?.toString()).map((entry) => entry.split(';', 1)[0]?.trim()),
  ]
  return passed.some((each) => each === name || each?.replace(/:\d+$/, '') === name)
}

const entries = (list = ''): string[] => list.split(',').map((entry) => entry.trim())
