import type { IncomingMessage } from 'node:http'
import type { ErrorText } from '../common/event-shapes.js'
import { read, text } from '../failures/rule.js'

/** What of a request must not be in a log. */
export type Seen = Pick<IncomingMessage, 'headers'> & { readonly url?: string | undefined }

/** The path of a request, without an origin: the absolute target of a forward proxy may hold a password. */
export function pathOf({ url = '' }: Pick<Seen, 'url'>): string {
  const path = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '')
  return path.split(/[?#]/, 1)[0] ?? ''
}

/** How many errors without a `code` (such as `fetch failed`) are followed to their cause. */
const MAX_DEPTH = 5

/** A low-level error in words, without what the request holds in secret. */
export function lowLevelOf(cause: unknown, req?: Seen): ErrorText | undefined {
  if (cause === undefined || cause === null) return undefined
  let error = cause
  for (let depth = 0; depth < MAX_DEPTH && text(error, 'code') === ''; depth++) {
    const inner = read(error, 'cause')
    if (typeof inner !== 'object' || inner === null) break
    error = inner
  }
  const code = text(error, 'code')
  const syscall = text(error, 'syscall')
  const message = typeof error === 'object' ? messageOf(error) : String(error)
  return {
    name: text(error, 'name') || typeof error,
    message: req ? redact(message, req) : message,
    ...(code !== '' && { code }),
    ...(syscall !== '' && { syscall }),
  }
}

/** The message of an error; that of an AggregateError is often empty, and its parts tell. */
function messageOf(error: unknown): string {
  const own = text(error, 'message')
  const parts = read(error, 'errors')
  if (own !== '' || !Array.isArray(parts)) return own
  const told = parts.slice(0, MAX_DEPTH).map((part: unknown) => text(part, 'message'))
  return [...new Set(told)].filter((message) => message !== '').join('; ')
}

/** Removes the query strings, credentials and fields of the request that libraries put into messages. */
export function redact(message: string, req: Seen): string {
  let clean = message.replace(/\/\/[^\s/@]+@/g, '//…@').replace(/(?:\?|%3f)[^\s"'<>]+/gi, '?…')
  for (const secret of secretsOf(req)) clean = clean.replaceAll(secret, '…')
  return clean
}

/** The names of header fields that usually hold credentials. */
const SECRET_FIELD =
  /authorization|(?:^|[-_])auth$|cookie|token|secret|passw|passphrase|(?:^|[-_])pwd$|credential|signature|jwt|key$/
/** A shorter value occurs in too many messages by chance. */
const SHORTEST_SECRET = 4

function secretsOf({ headers, url = '' }: Seen): string[] {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    SECRET_FIELD.test(name) ? [String(value), ...String(value).split(/[\s;=,]+/)] : [],
  )
  const mark = url.indexOf('?')
  const query = mark === -1 ? '' : url.slice(mark + 1)
  const raw = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
  const decoded = [...new URLSearchParams(query).values()]
  const secrets = [...fields, ...raw, ...decoded].filter(({ length }) => length >= SHORTEST_SECRET)
  // The longest first: a secret that contains another one must be removed as a whole.
  return secrets.toSorted((a, b) => b.length - a.length)
}
