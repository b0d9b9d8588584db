import type { Exchange } from '../exchange/exchange.js'

/** The parts of a request that are strings and are coerced into a copy. */
export type ParameterPart = 'params' | 'query' | 'headers' | 'cookies'

/** A parameter as it came: several values when its name was repeated. */
export type Raw = string | string[]

/**
 * The parameters of one part, by name.
 *
 * A repeated name has all its values, so that a schema that wants one value refuses several: nobody
 * knows which of them an upstream takes. Header fields are the exception: HTTP itself joins them
 * with commas (RFC 9110, section 5.3).
 */
export const readers: Readonly<
  Record<ParameterPart, (exchange: Exchange) => ReadonlyMap<string, Raw>>
> = {
  params: ({ params }) => collect(Object.entries(params).flatMap(spread)),
  query: ({ req }) => collect(queryOf(req.url)),
  headers: ({ req }) => collect(Object.entries(req.headers).flatMap(spread)),
  cookies: ({ req }) => collect(cookiesOf(req.headers.cookie)),
}

/** How one string becomes a list where the schema wants one. */
export const splitters: Readonly<Record<ParameterPart, (value: string) => string[]>> = {
  params: (value) => [value],
  query: (value) => [value],
  headers: (value) => value.split(',').map((item) => item.trim()),
  cookies: (value) => [value],
}

function queryOf(url = ''): Iterable<[string, string]> {
  const mark = url.indexOf('?')
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))
}

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

/** The values of each name, in their order. */
export function collect(pairs: Iterable<[string, string]>): Map<string, Raw> {
  const found = new Map<string, Raw>()
  for (const [name, value] of pairs) {
    const seen = found.get(name)
    if (Array.isArray(seen)) seen.push(value)
    else found.set(name, seen === undefined ? value : [seen, value])
  }
  return found
}
