import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { Call, Calls } from './calls.js'

/** The fields of an upstream's head that stay true when its body is replaced. */
export const STAYS =
  /^(?:proxy-status|vary|access-control-[a-z-]+|[a-z-]*rate-?limit(?:-[a-z-]+)?|retry-after|strict-transport-security)$/

/** Fields that act on the client; proxies rewrite some of them on their way. */
// prettier-ignore
const ACTING = new Set([
  'age', 'cache-control', 'cache-tag', 'cdn-cache-control', 'clear-site-data', 'link', 'location', 'pragma',
  'proxy-authenticate', 'refresh', 'surrogate-control', 'surrogate-key', 'warning', 'www-authenticate',
])

/** What of an exchange is looked at. */
interface Answered {
  readonly calls: Calls
  readonly res: ServerResponse
  readonly policy: OutgoingHttpHeader | undefined
}

/**
 * Removes from a response what proxies have set there of an upstream's head that is not to be. What the
 * application has set itself stays, under the same name too, where its value is another.
 */
export function dropUpstreamFields({ calls: { deciding }, res, policy }: Answered): void {
  if (deciding?.status !== undefined)
    for (const entry of Object.entries(deciding.fields())) drop(res, entry)
  if (policy !== undefined && !res.hasHeader(POLICY)) res.setHeader(POLICY, policy)
}

export const POLICY = 'content-security-policy'

type Fields = ReturnType<Call['fields']>

function drop(res: ServerResponse, [name, theirs]: [string, Fields[string]]): void {
  const ours = res.getHeader(name)
  if (ours === undefined || STAYS.test(name)) return
  if (name === 'set-cookie') keepOwnCookies(res, ours, theirs)
  else if (ACTING.has(name) || String(ours) === String(theirs)) res.removeHeader(name)
}

/** Cookies by their names: proxies rewrite domains and paths. */
function keepOwnCookies(
  res: ServerResponse,
  ours: OutgoingHttpHeader,
  theirs: Fields[string],
): void {
  // undici's fields are joined; a date has a comma, too, but no name behind it.
  const names = new Set([theirs].flat().flatMap((line) => line?.split(/,(?=[^;,]*=)/).map(nameOf)))
  const lines = [ours].flat().map(String)
  const own = lines.filter((line) => !names.has(nameOf(line)))
  if (own.length === lines.length) return
  if (own.length === 0) res.removeHeader('set-cookie')
  else res.setHeader('Set-Cookie', own)
}

const nameOf = (cookie: string): string => cookie.split('=', 1)[0]?.trim() ?? ''
