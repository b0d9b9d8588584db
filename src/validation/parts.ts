import type { IncomingMessage } from 'node:http'
import { collect, isDecodable, type Raw } from '../content/pairs.js'
import { type GatewayError, withoutStack } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'

/** The parts of a request that are strings and are coerced into a copy. */
export type ParameterPart = 'params' | 'query' | 'headers' | 'cookies'

/**
 * The parameters of one part, by name, or the reason to refuse them.
 *
 * A repeated name has all its values, so that a schema that wants one value refuses several: nobody
 * knows which of them an upstream takes. Header fields are the exception: HTTP itself joins them
 * with commas (RFC 9110, section 5.3).
 */
export const readers: Readonly<
  Record<ParameterPart, (exchange: Exchange) => ReadonlyMap<string, Raw> | GatewayError>
> = {
  params: ({ params }) => collect(Object.entries(params).flatMap(spread)),
  query: ({ req }) => queryOf(req.url),
  headers: ({ req }) => collect(headersOf(req)),
  cookies: ({ req }) => collect(cookiesOf(req.headers.cookie)),
}

/** How one string becomes a list where the schema wants one. */
export const splitters: Readonly<Record<ParameterPart, (value: string) => string[]>> = {
  params: (value) => value.split(','),
  query: (value) => [value],
  headers: (value) => value.split(',').map((item) => item.trim()),
  cookies: (value) => [value],
}

/** What readers do not agree about is refused: where a query ends, and escapes that are none. */
function queryOf(url = ''): ReadonlyMap<string, Raw> | GatewayError {
  const mark = url.indexOf('?')
  if (url.includes('#')) return malformedQuery('a "#", which must be percent-encoded')
  // With its mark: without it, one that is part of the first name would be taken for it.
  const query = mark === -1 ? '' : url.slice(mark)
  if (!isDecodable(query)) return malformedQuery('a percent escape that is broken or not UTF-8')
  return collect(new URLSearchParams(query))
}

const malformedQuery = (fault: string) =>
  withoutStack('request_malformed', { detail: `The query of the request has ${fault}.` })

/** The fields of which Node keeps the first only; others take the last. */
// prettier-ignore
const SINGLE = new Set([
  'age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer',
  'retry-after', 'server', 'user-agent',
])

function headersOf({ headers, rawHeaders }: IncomingMessage): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const all = SINGLE.has(name) ? valuesOf(rawHeaders, name) : []
    // What a middleware has put there is what goes on.
    return all.length > 1 && all[0] === value ? spread([name, all]) : spread([name, value])
  })
}

const valuesOf = (raw: readonly string[], name: string): string[] =>
  raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name)

function spread([name, value]: [string, Raw | undefined]): [string, string][] {
  return [value ?? []].flat().map((item) => [name, item])
}

/** The pairs of a Cookie field (RFC 6265, section 5.4), their values decoded as far as possible. */
function cookiesOf(field = ''): [string, string][] {
  return field
    .split(';')
    .map((pair) => [pair, pair.indexOf('=')] as const)
    .filter(([pair, equals]) => equals > 0 && pair.slice(0, equals).trim() !== '')
    .map(([pair, equals]) => [pair.slice(0, equals).trim(), decode(pair.slice(equals + 1).trim())])
}

function decode(value: string): string {
  const bare = value.replace(/^"(.*)"$/, '$1')
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare
  }
}
