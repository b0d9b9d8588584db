import { mistake } from './document.js'

/** A segment of a path with parameters that a key of `routes` cannot name: `{order-id}`, `{base}...{head}`. */
export interface Segment {
  readonly names: readonly string[]
  /** The text before, between and after the parameters, in lower case. */
  readonly texts: readonly string[]
}

/** What a key of `routes` would take for more than text. */
const SPECIAL = /[:*?#\\(){}[\]]/g
const PARAMETER = /\{([^{}]+)\}/
const NAME = /^[a-z_$][\w$]*$/i

/** The path of an operation as the end of a key, with what its parameters are called there. */
export function routeOf(path: string, name: string) {
  const segments = new Map<string, Segment>()
  const route = path.split('/').map((segment) => {
    const [before = '', parameter, after, ...more] = segment.split(PARAMETER)
    if (parameter === undefined) return literal(segment, name)
    const whole = before === '' && after === '' && more.length === 0
    if (whole && NAME.test(parameter)) return `:${parameter}`
    const key = `p${segments.size}_`
    segments.set(key, segmentOf(segment, name))
    return `:${key}`
  })
  return { route: route.join('/'), segments }
}

/** Splitting gives texts and names in turn. */
function segmentOf(segment: string, name: string): Segment {
  const parts = segment.split(PARAMETER)
  const texts = parts.filter((_, at) => at % 2 === 0).map((text) => text.toLowerCase())
  if (texts.slice(1, -1).includes(''))
    throw mistake(name, `the segment "${segment}" has two parameters with nothing between them`)
  return { names: parts.filter((_, at) => at % 2 === 1), texts }
}

/** The values of the parameters in a segment of a request; undefined when it has not the form. */
export function valuesIn(given: string, { texts }: Segment): string[] | undefined {
  const lower = given.toLowerCase()
  const [first = '', ...others] = texts
  const last = others.pop() ?? ''
  if (!lower.startsWith(first) || !lower.endsWith(last)) return undefined
  const values: string[] = []
  let from = first.length
  for (const text of others) {
    const at = lower.indexOf(text, from + 1)
    if (at === -1) return undefined
    values.push(given.slice(from, at))
    from = at + text.length
  }
  const end = given.length - last.length
  return from < end ? [...values, given.slice(from, end)] : undefined
}

function literal(segment: string, name: string): string {
  if (segment.includes('{')) throw mistake(name, `the segment "${segment}" has an open brace`)
  return segment.replace(SPECIAL, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Whether an object of a document has servers of its own. */
export const hasServers = ({ servers }: Readonly<Record<string, unknown>>): boolean =>
  Array.isArray(servers) && servers.length > 0

// A document has few of them; more would be a mistake in the variables.
const MOST_BASES = 100

/** The paths of servers, which come before those of the operations. */
export function basesOf(servers: unknown, name: string): string[] {
  const list: unknown[] = Array.isArray(servers) ? servers : [{ url: '/' }]
  const bases = list.flatMap((server) => basesOfServer(server, name))
  if (bases.length > MOST_BASES) throw mistake(name, `its servers have over ${MOST_BASES} paths`)
  return [...new Set(bases)]
}

interface Server {
  readonly url: string
  readonly variables?: Readonly<Record<string, { default?: unknown; enum?: readonly unknown[] }>>
}

const isServer = (value: unknown): value is Server =>
  typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string'

/** The paths of one server: one for each value that a variable in its path may have. */
function basesOfServer(server: unknown, name: string): string[] {
  if (!isServer(server)) throw mistake(name, 'each of its servers needs a url')
  let urls = [server.url]
  for (const [variable, { default: value = '', enum: values = [value] }] of Object.entries(
    server.variables ?? {},
  ))
    urls = urls
      .flatMap((url) => values.map((text) => url.replaceAll(`{${variable}}`, String(text))))
      .slice(0, MOST_BASES + 1)
  return urls.map((url) => pathOf(url, name))
}

/** The path of an absolute or relative URL, as the start of a key. */
function pathOf(url: string, name: string): string {
  const path = url.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*/i, '').replace(/[?#].*$/, '')
  const segments = path.split('/').reduce<string[]>((above, segment) => {
    if (segment === '..') return above.slice(0, -1)
    return segment === '' || segment === '.' ? above : [...above, segment]
  }, [])
  const unknown = segments.find((segment) => PARAMETER.test(segment))
  if (unknown !== undefined)
    throw mistake(name, `the server ${url} has a variable without a value; give it a default`)
  return segments.map((segment) => `/${literal(segment, name)}`).join('')
}
