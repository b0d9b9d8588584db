import { type ApiCall } from './call.js'

/** Names of header fields whose values are nobody else's business. */
const SECRET =
  /auth|cookie|token|secret|password|passwd|credential|session|signature|(?:^|[-_])(?:api|access|private|functions|subscription)?[-_]?key$/i

/** Whether a field with this name holds a credential. */
export const looksSecret = (name: string): boolean => SECRET.test(name)

/** A URL without user and password, and without the values of its query. */
export function shownUrl(url: URL): string {
  const query = url.search
    .slice(1)
    .split('&')
    .map((pair) => pair.replace(/=.+$/s, '=…'))
    .join('&')
  return `${url.protocol}//${url.host}${url.pathname}${query === '' ? '' : `?${query}`}`
}

/** Shorter ones are parts of every text. */
const SHORTEST = 3
/** Most values of a query are no secrets, but words and numbers. */
const SHORTEST_OF_QUERY = 6

/** The texts of a call that must not be shown, wherever a server may repeat them. */
export function secretsOf({ url, headers }: ApiCall): string[] {
  const fields = headers.filter(([name]) => looksSecret(name)).map(([, value]) => value)
  const parts = fields.flatMap((value) => [value, ...partsOf(value), ...basicIn(value)])
  const raw = [...url.search.matchAll(/=([^&]+)/g)].map(([, value = '']) => value)
  const query = [...raw, ...url.searchParams.values()]
  const found = [
    ...parts.filter(({ length }) => length >= SHORTEST),
    ...query.filter(({ length }) => length >= SHORTEST_OF_QUERY),
  ]
  // A long one may have a short one inside.
  return [...new Set(found)].toSorted((a, b) => b.length - a.length)
}

/** Names of schemes, and of cookies and parameters, are no secrets. */
const partsOf = (value: string): string[] =>
  value
    .split(/[\s;,]+/)
    .map((part) => part.replace(/^[\w.-]+=(?=.)/, ''))
    .filter((part) => !/^(?:bearer|basic|digest|negotiate|apikey)$/i.test(part))

/** User and password of `Authorization: Basic` (RFC 7617). */
function basicIn(value: string): string[] {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(value) ?? []
  if (encoded === undefined) return []
  const pair = Buffer.from(encoded, 'base64').toString()
  const colon = pair.indexOf(':')
  return [pair, pair.slice(0, colon), pair.slice(colon + 1)]
}

/** A copy of a value in which the secrets of all texts are hidden. */
export function withoutSecrets<T>(value: T, secrets: readonly string[]): T {
  if (secrets.length === 0) return value
  const hide = (text: string): string =>
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text)
  return copy(value, hide) as T
}

function copy(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value)
  if (Array.isArray(value)) return value.map((item) => copy(item, hide))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copy(inner, hide)]))
}
