import { type ApiCall, isSecure } from './call.js'
import { looksSecret, shownUrl } from './secrets.js'
import { quoted } from './words.js'
import { type Answer, valueOf } from './received.js'

/** A redirection that was followed. */
export interface Redirection {
  readonly status: number
  /** Where it leads, without secrets. */
  readonly to: string
  /** What of the call does not come along. */
  readonly loses: readonly string[]
  /** Whether the answer gives a cookie, which this command does not keep. */
  readonly givesCookie: boolean
}

const STATUSES = new Set([301, 302, 303, 307, 308])

/** The call that a redirection asks for; undefined when the answer is none (RFC 9110, section 15.4). */
export function nextCall(
  call: ApiCall,
  answer: Answer,
): { readonly call: ApiCall; readonly redirection: Redirection } | undefined {
  const { status = 0 } = answer
  const url = STATUSES.has(status) ? targetOf(call, valueOf(answer, 'location')) : undefined
  if (url === undefined) return undefined
  const bodyless = becomesGet(status, call.method)
  const elsewhere = url.origin !== call.url.origin
  const next = {
    url,
    method: bodyless ? 'GET' : call.method,
    headers: call.headers.filter(
      ([name]) =>
        !(elsewhere && (looksSecret(name) || name.toLowerCase() === 'host')) &&
        !(bodyless && /^content-/i.test(name)),
    ),
    body: bodyless ? undefined : call.body,
  }
  const redirection = {
    status,
    to: shownUrl(url),
    loses: lossesOf(call, next, status),
    givesCookie: valueOf(answer, 'set-cookie') !== undefined,
  }
  return { call: next, redirection }
}

function targetOf(call: ApiCall, location: string | undefined): URL | undefined {
  if (location === undefined || !URL.canParse(location, call.url.href)) return undefined
  const url = new URL(location, call.url)
  url.hash = ''
  // A user name in a redirection is none of the caller's.
  url.username = ''
  url.password = ''
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

function lossesOf(call: ApiCall, next: ApiCall, status: number): string[] {
  return [
    call.method !== next.method && `${status} made a GET of the ${call.method}, its body is lost`,
    isSecure(call.url) && !isSecure(next.url) && 'it leads from https: to http:',
    secretsIn(call) !== secretsIn(next) &&
      `credentials are not sent on to another origin, ${quoted(next.url.host)}`,
  ].filter((each) => each !== false)
}

const secretsIn = ({ headers }: ApiCall): number =>
  headers.filter(([name]) => looksSecret(name)).length

function becomesGet(status: number, method: string): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return status === 303 || ((status === 301 || status === 302) && method === 'POST')
}
